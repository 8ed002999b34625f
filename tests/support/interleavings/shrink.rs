//! Makes a scenario that fails as small as it can be while it still fails.

use super::buffer::Units;
use super::scenario::{Client, Flight, Says, Scenario, Step, Take, Tells};

/// The smallest scenario that `fails` still holds for.
pub(crate) fn shrunk(mut scenario: Scenario, fails: impl Fn(&Scenario) -> bool) -> Scenario {
    while let Some(smaller) = smaller(&scenario).into_iter().find(|it| fails(it)) {
        scenario = smaller;
    }
    scenario
}

/// The scenario with one thing less, in every way.
fn smaller(scenario: &Scenario) -> Vec<Scenario> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Scenario)| {
        let mut changed = scenario.clone();
        change(&mut changed);
        all.push(changed);
    };
    if scenario.flights.len() > 1 {
        with(&|it| it.flights.truncate(1));
        with(&|it| drop(it.flights.remove(0)));
    }
    for steps in [steps_before, steps_after] {
        for smaller in without_one(steps(&mut scenario.clone())) {
            with(&|it| steps(it).clone_from(&smaller));
        }
    }
    for nth in 0..scenario.flights.len() {
        for smaller in without_one(&scenario.flights[nth].before) {
            with(&|it| it.flights[nth].before.clone_from(&smaller));
        }
        for smaller in without_one(&scenario.flights[nth].between) {
            with(&|it| it.flights[nth].between.clone_from(&smaller));
        }
        let calm = calm(&scenario.flights[nth]);
        for flight in calm {
            with(&|it| it.flights[nth] = flight.clone());
        }
    }
    for client in calmer(&scenario.client) {
        with(&|it| it.client = client.clone());
    }
    all
}

fn steps_before(scenario: &mut Scenario) -> &mut Vec<Step> {
    &mut scenario.before
}

fn steps_after(scenario: &mut Scenario) -> &mut Vec<Step> {
    &mut scenario.after
}

fn without_one(steps: &[Step]) -> Vec<Vec<Step>> {
    let mut all = Vec::new();
    for idx in 0..steps.len() {
        let mut fewer = steps.to_vec();
        fewer.remove(idx);
        all.push(fewer);
        if let Step::Batch(parts) = &steps[idx] {
            let mut flat = steps.to_vec();
            flat.splice(idx..=idx, parts.iter().cloned());
            all.push(flat);
        }
    }
    all
}

fn calm(flight: &Flight) -> Vec<Flight> {
    let mut all = Vec::new();
    if flight.answers_first {
        all.push(Flight { answers_first: false, ..flight.clone() });
    }
    if flight.says != Says::Truth {
        all.push(Flight { says: Says::Truth, ..flight.clone() });
    }
    if flight.take != Take::Apply {
        all.push(Flight { take: Take::Apply, ..flight.clone() });
    }
    all
}

fn calmer(client: &Client) -> Vec<Client> {
    let mut all = Vec::new();
    if client.is_late {
        all.push(Client { is_late: false, ..client.clone() });
    }
    if !client.document_changes {
        all.push(Client { document_changes: true, checks_versions: true, ..client.clone() });
    }
    if !client.checks_versions {
        all.push(Client { checks_versions: true, ..client.clone() });
    }
    if client.units != Units::Utf16 {
        all.push(Client { units: Units::Utf16, ..client.clone() });
    }
    if client.tells != Tells::FromTheEnd {
        all.push(Client { tells: Tells::FromTheEnd, ..client.clone() });
    }
    all
}
