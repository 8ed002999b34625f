//! Every way in which a provider can fail, and what the user must read then: one table for all fronts.
//!
//! A test takes [`cases`], starts each with [`Case::serve`], configures a front with [`Case::config`], and
//! compares what it shows with [`Case::message`], `hint` and the rest.
#![allow(dead_code, unreachable_pub, reason = "each test target uses its own part of this file")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use crate::upstream::{
    Exchange, Upstream, anthropic_delta, anthropic_start, ollama_line, openai_chunk,
};

/// The key that must be seen nowhere.
pub const CANARY: &str = "sk-canary-0123456789abcdef0123456789";

/// The four providers of the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Anthropic,
    OpenAi,
    Groq,
    Ollama,
}

impl Who {
    pub const ALL: [Self; 4] = [Self::Anthropic, Self::OpenAi, Self::Groq, Self::Ollama];

    /// The backend's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
            Self::Groq => "groq",
            Self::Ollama => "ollama",
        }
    }

    /// The provider's name in sentences.
    pub fn text(self) -> &'static str {
        match self {
            Self::Anthropic => "Anthropic",
            Self::OpenAi => "OpenAI",
            Self::Groq => "Groq",
            Self::Ollama => "Ollama",
        }
    }

    fn stream_path(self) -> &'static str {
        match self {
            Self::Anthropic => "/v1/messages",
            Self::OpenAi | Self::Groq => "/v1/chat/completions",
            Self::Ollama => "/api/chat",
        }
    }

    /// An answer in the provider's own form of errors.
    fn refusal(self, kind: &str, message: &str) -> String {
        let error = match self {
            Self::Anthropic => {
                serde_json::json!({"type": "error", "error": {"type": kind, "message": message}})
            }
            Self::OpenAi | Self::Groq => {
                serde_json::json!({"error": {"message": message, "type": "error", "code": kind}})
            }
            Self::Ollama => serde_json::json!({"error": message}),
        };
        error.to_string()
    }

    /// The beginning of an answer that says "a".
    fn begun(self) -> Exchange {
        match self {
            Self::Anthropic => Exchange::sse().send(anthropic_start() + &anthropic_delta("a")),
            Self::OpenAi | Self::Groq => Exchange::sse().send(openai_chunk("a")),
            Self::Ollama => Exchange::ndjson().send(ollama_line("a")),
        }
    }
}

/// What the server does.
#[derive(Clone, Debug)]
enum Server {
    /// Answers like this, however often it is asked.
    Answers { status: &'static str, body: String },
    /// Does this once.
    Plays(Exchange),
    /// Is not there.
    Absent,
}

/// One way of failing of one provider.
#[derive(Clone, Debug)]
pub struct Case {
    pub who: Who,
    /// The name of the error class.
    pub class: &'static str,
    server: Server,
    message: &'static str,
    /// A part of the cause.
    pub cause: &'static str,
    hint: &'static str,
    /// The check list.
    pub checks: &'static [&'static str],
    /// The exit code of the command line.
    pub exit_code: i32,
    /// The status of our own HTTP API.
    pub http_status: u16,
    /// Text that came before the failure.
    pub partial_text: &'static str,
}

/// A server that fails; gone when dropped.
#[derive(Debug)]
pub struct Served {
    /// Its address without a path.
    pub url: String,
    _upstream: Option<Upstream>,
}

impl Case {
    /// Starts the server. Cases that play something do it once: start one for each front.
    pub async fn serve(&self) -> Served {
        let upstream = match &self.server {
            Server::Absent => {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                let url = format!("http://{}", listener.local_addr().unwrap());
                return Served { url, _upstream: None };
            }
            Server::Answers { status, body } => {
                let upstream = Upstream::start([]).await;
                upstream.route(self.who.stream_path(), status, body);
                upstream
            }
            Server::Plays(exchange) => Upstream::start([exchange.clone()]).await,
        };
        Served { url: upstream.url(), _upstream: Some(upstream) }
    }

    /// The base address as a user would write it.
    pub fn base_url(&self, served: &Served) -> String {
        match self.who {
            Who::OpenAi | Who::Groq => format!("{}/v1", served.url),
            Who::Anthropic | Who::Ollama => served.url.clone(),
        }
    }

    /// A configuration whose only backend is this provider at that server.
    pub fn config(&self, served: &Served) -> String {
        let (name, base_url) = (self.who.name(), self.base_url(served));
        let key = match self.who {
            Who::Ollama => "",
            _ => "api_key = \"$env:CANARY_KEY\"\n",
        };
        format!(
            "[llm]\nbackend = \"{name}\"\n[backends.{name}]\nbase_url = \"{base_url}\"\nmodel = \"m-1\"\n\
             temperature = 0.5\nfirst_byte_timeout = 1\nidle_timeout = 1\n{key}"
        )
    }

    /// The sentence, without "Error: " in front.
    pub fn message(&self, served: &Served) -> String {
        self.filled(self.message, served)
    }

    /// The next step.
    pub fn hint(&self, served: &Served) -> String {
        self.filled(self.hint, served)
    }

    /// What the test is called when it fails.
    pub fn name(&self) -> String {
        format!("{} {}", self.who.name(), self.class)
    }

    fn filled(&self, text: &str, served: &Served) -> String {
        text.replace("{backend}", self.who.name())
            .replace("{provider}", self.who.text())
            .replace("{url}", &self.base_url(served))
    }
}

const KEY_CHECKS: &[&str] = &[
    "Key is set correctly: `arawn config show --secrets`",
    "Key has correct permissions",
    "Key hasn't expired",
];
const MODEL_CHECKS: &[&str] = &[
    "Model name is spelled correctly",
    "Your API plan includes the model",
    "Model is available in your region",
];
const OLLAMA_CHECKS: &[&str] =
    &["Ollama is running: `ollama list`", "Port is correct", "No firewall blocking"];
const SERVER_CHECKS: &[&str] =
    &["The server is running", "Port is correct", "No firewall blocking"];

/// All classes of failures with all providers that can fail so.
pub fn cases() -> Vec<Case> {
    Who::ALL.into_iter().flat_map(cases_of).collect()
}

fn cases_of(who: Who) -> Vec<Case> {
    let mut cases = refusals(who);
    cases.extend(silences(who));
    cases
}

fn case(who: Who, class: &'static str, server: Server) -> Case {
    Case {
        who,
        class,
        server,
        message: "",
        cause: "",
        hint: "",
        checks: &[],
        exit_code: 5,
        http_status: 502,
        partial_text: "",
    }
}

fn answers(who: Who, status: &'static str, kind: &str, message: &str) -> Server {
    Server::Answers { status, body: who.refusal(kind, message) }
}

/// What the server says no to.
fn refusals(who: Who) -> Vec<Case> {
    let mut cases = vec![auth(who), model_not_available(who), rate_limited(who), overloaded(who)];
    cases.extend(request_exceeds_rate_limit(who));
    cases.extend(quota(who));
    cases.push(context_overflow(who));
    cases.extend(tool_use_failed(who));
    cases.extend(unsupported(who));
    cases.push(Case {
        message: "Backend \"{backend}\" refused the setting `temperature`",
        cause: "`temperature` is deprecated for this model. (status 400)",
        hint: "remove `temperature` from `[backends.{backend}]`",
        http_status: 502,
        ..case(
            who,
            "bad_request",
            answers(
                who,
                "400 Bad Request",
                "invalid_request_error",
                "`temperature` is deprecated for this model.",
            ),
        )
    });
    cases.push(Case {
        message: "Backend \"{backend}\" failed",
        cause: "boom (status 500)",
        hint: "try again; if it stays so, look at the server's own log",
        ..case(who, "server", answers(who, "500 Internal Server Error", "api_error", "boom"))
    });
    cases
}

fn auth(who: Who) -> Case {
    // OpenAI repeats the key that it refuses.
    let (kind, words) = match who {
        Who::Anthropic => ("authentication_error", "API key is invalid.".to_owned()),
        Who::Ollama => ("", "unauthorized".to_owned()),
        Who::OpenAi | Who::Groq => {
            ("invalid_api_key", format!("Incorrect API key provided: {CANARY}."))
        }
    };
    let cause = match who {
        Who::Anthropic => "API key is invalid. (status 401)",
        Who::Ollama => "unauthorized (status 401)",
        Who::OpenAi | Who::Groq => "Incorrect API key provided: [key removed]. (status 401)",
    };
    Case {
        message: "Authentication failed for backend \"{backend}\"",
        cause,
        hint: "store a key with `arawn secret set {backend}_api_key` and name it in `[backends.{backend}]`",
        checks: KEY_CHECKS,
        exit_code: 4,
        http_status: 401,
        ..case(who, "auth", answers(who, "401 Unauthorized", kind, &words))
    }
}

fn model_not_available(who: Who) -> Case {
    let (kind, words) = match who {
        Who::Anthropic => ("not_found_error", "model: m-1"),
        Who::OpenAi | Who::Groq => {
            ("model_not_found", "The model `m-1` does not exist or you do not have access to it.")
        }
        Who::Ollama => ("", "model 'm-1' not found"),
    };
    let hint = match who {
        Who::Ollama => "`ollama pull m-1`",
        _ => {
            "`arawn --backend {backend} models` lists what there is; the name comes from `[llm] model`, \
             `[tasks.*] model` or `[backends.{backend}] model`"
        }
    };
    Case {
        message: "Model \"m-1\" not available",
        cause: "(status 404)",
        hint,
        checks: MODEL_CHECKS,
        http_status: 404,
        ..case(who, "model_not_available", answers(who, "404 Not Found", kind, words))
    }
}

fn rate_limited(who: Who) -> Case {
    let kind = if who == Who::Anthropic { "rate_limit_error" } else { "rate_limit_exceeded" };
    Case {
        message: "Backend \"{backend}\" is over its rate limit for another 30 s",
        cause: "slow down (status 429)",
        hint: "wait a little and try again, or add a backend to `[llm] fallback`",
        http_status: 429,
        ..case(
            who,
            "rate_limited",
            answers(who, "429 Too Many Requests\r\nretry-after: 30", kind, "slow down"),
        )
    }
}

fn request_exceeds_rate_limit(who: Who) -> Option<Case> {
    let status = match who {
        Who::Groq => "413 Payload Too Large",
        Who::OpenAi => "429 Too Many Requests",
        // They count what was used, not what is asked for.
        Who::Anthropic | Who::Ollama => return None,
    };
    Some(Case {
        message: "The request is larger than backend \"{backend}\" allows a minute",
        cause: "Limit 6, Requested 12328",
        hint: "select less, or lower `max_tokens` in `[backends.{backend}]`",
        http_status: 429,
        ..case(
            who,
            "request_exceeds_rate_limit",
            answers(
                who,
                status,
                "rate_limit_exceeded",
                "Request too large for m-1 on tokens per minute (TPM): Limit 6, Requested 12328.",
            ),
        )
    })
}

fn quota(who: Who) -> Option<Case> {
    let (status, kind) = match who {
        Who::Anthropic => ("402 Payment Required", "billing_error"),
        Who::OpenAi | Who::Groq => ("429 Too Many Requests", "insufficient_quota"),
        Who::Ollama => return None,
    };
    Some(Case {
        message: "Backend \"{backend}\" has no credit left",
        cause: "You exceeded your current quota",
        hint: "add credit to the account, or choose another backend with `--backend`",
        http_status: 429,
        ..case(who, "quota", answers(who, status, kind, "You exceeded your current quota."))
    })
}

fn overloaded(who: Who) -> Case {
    let server = match who {
        Who::Anthropic => answers(who, "529 Overloaded", "overloaded_error", "Overloaded"),
        Who::OpenAi => answers(who, "503 Service Unavailable", "server_error", "Overloaded"),
        Who::Groq => answers(who, "498 Capacity Exceeded", "capacity_exceeded", "Overloaded"),
        Who::Ollama => answers(
            who,
            "503 Service Unavailable",
            "",
            "server busy, please try again.  maximum pending requests exceeded",
        ),
    };
    Case {
        message: "Backend \"{backend}\" is overloaded",
        cause: "(status ",
        http_status: 503,
        hint: "wait a little and try again, or add a backend to `[llm] fallback`",
        ..case(who, "overloaded", server)
    }
}

fn context_overflow(who: Who) -> Case {
    let (kind, words) = match who {
        Who::Anthropic => {
            ("invalid_request_error", "prompt is too long: 200001 tokens > 200000 maximum")
        }
        Who::OpenAi | Who::Groq => {
            ("context_length_exceeded", "This model's maximum context length is 8192 tokens.")
        }
        Who::Ollama => ("", "prompt is longer than the context length available"),
    };
    Case {
        message: "The prompt is longer than model \"m-1\" can read",
        cause: "(status 400)",
        hint: "select less, or raise `context_length` in `[backends.{backend}]` if \"m-1\" can read more",
        http_status: 413,
        ..case(who, "context_overflow", answers(who, "400 Bad Request", kind, words))
    }
}

fn tool_use_failed(who: Who) -> Option<Case> {
    (who == Who::Groq).then(|| Case {
        message: "Model \"m-1\" made a malformed tool call",
        cause: "Failed to call a function. (status 400)",
        hint: "try again, or choose a model that is better with tools",
        ..case(
            who,
            "tool_use_failed",
            answers(who, "400 Bad Request", "tool_use_failed", "Failed to call a function."),
        )
    })
}

fn unsupported(who: Who) -> Option<Case> {
    let server = match who {
        Who::OpenAi | Who::Groq => answers(
            who,
            "403 Forbidden",
            "unsupported_country_region_territory",
            "Country, region, or territory not supported",
        ),
        Who::Ollama => answers(who, "400 Bad Request", "", "\"m-1\" does not support tools"),
        Who::Anthropic => return None,
    };
    Some(Case {
        message: "Backend \"{backend}\" cannot do this",
        cause: "support",
        http_status: 400,
        hint: "choose another model with `--model` (`arawn models` tells what each can do), or another backend with `--backend`",
        ..case(who, "unsupported", server)
    })
}

/// What comes of a server that is not there, falls silent, breaks off, or is something else.
fn silences(who: Who) -> Vec<Case> {
    let (checks, start) = match who {
        Who::Ollama => (
            OLLAMA_CHECKS,
            "start it with `ollama serve`, or let `arawn local setup` bring an engine without it; ",
        ),
        _ => (SERVER_CHECKS, "look at `base_url` in `[backends.{backend}]`; "),
    };
    let alone = "or name a second backend in `[llm] fallback` of your config (`arawn config path`)";
    let web_page = "<html><body>Please sign in</body></html>";
    vec![
        Case {
            message: "Cannot connect to {provider} at {url}",
            cause: "refused",
            hint: Box::leak(format!("{start}{alone}").into_boxed_str()),
            checks,
            ..case(who, "connect", Server::Absent)
        },
        Case {
            message: "Backend \"{backend}\" did not answer in time",
            cause: "no answer within 1 s",
            hint: "the model may still be loading: try again, or raise `first_byte_timeout` of the backend",
            http_status: 504,
            ..case(who, "first_byte_timeout", Server::Plays(Exchange::silent().stall()))
        },
        Case {
            message: "Backend \"{backend}\" stopped in the middle of its answer",
            cause: "nothing more came",
            hint: "try again; if it stays so, look at the log of the server behind backend \"{backend}\"",
            partial_text: "a",
            http_status: 504,
            ..case(who, "idle_timeout", Server::Plays(who.begun().stall()))
        },
        Case {
            message: "The answer of backend \"{backend}\" was cut off",
            cause: "the stream ended without its end sign",
            hint: "try again; if it stays so, look at the log of the server behind backend \"{backend}\"",
            partial_text: "a",
            ..case(who, "truncated", Server::Plays(who.begun()))
        },
        Case {
            message: "What answers at {url} is not {provider}",
            cause: "Please sign in",
            hint: "look at `base_url` and `dialect` in `[backends.{backend}]`",
            ..case(who, "not_json", Server::Answers { status: "200 OK", body: web_page.to_owned() })
        },
    ]
}
