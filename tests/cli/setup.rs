//! `arawn setup EDITOR`.

use crate::home::Home;

#[tokio::test(flavor = "multi_thread")]
async fn what_an_editor_needs_is_printed_and_the_rest_is_said_beside_it() {
    let home = Home::new("");
    let ran = home.run(&["setup", "nvim"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("vim.lsp.enable('arawn')"), "{ran:?}");
    let beside =
        "belongs into ~/config/nvim/plugin/arawn.lua; `arawn setup neovim --write` puts it there\n";
    assert!(ran.stderr.starts_with(beside), "{ran:?}");
    assert!(!home.path("config/nvim").exists(), "nothing is written without being told");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_written_once_and_nothing_of_the_users_goes_away() {
    let home = Home::new("");
    let written = home.run(&["setup", "helix", "--write"]).await;
    assert_eq!(written.stdout, "wrote ~/config/helix/languages.toml\n", "{written:?}");
    let again = home.run(&["setup", "helix", "--write"]).await;
    assert_eq!(
        (again.stdout.as_str(), again.code),
        ("~/config/helix/languages.toml has it already\n", 0)
    );
    home.write("config/helix/languages.toml", "# mine\n");
    let refused = home.run(&["setup", "helix", "--write"]).await;
    assert_eq!((refused.stdout.as_str(), refused.code), ("", 1));
    assert!(
        refused.stderr.contains("is there already")
            && refused.stderr.contains("Hint: `arawn setup helix`"),
        "{refused:?}"
    );
    assert_eq!(home.read("config/helix/languages.toml"), "# mine\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_editor_lists_the_known_ones_and_none_lists_what_is_here() {
    let home = Home::new("");
    let ran = home.run(&["setup", "ed"]).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("neovim") && ran.stderr.contains("arawn lsp"), "{ran:?}");
    home.write("config/helix/languages.toml", "# arawn\n");
    let ran = home.run(&["setup"]).await;
    assert_eq!(ran.stdout.lines().count(), 9, "{ran:?}");
    assert!(ran.stdout.contains("helix      not on PATH\n"), "{ran:?}");
}
