//! Functions in several languages, of which the documents of the benchmarks are made.

/// A language, and functions in it: `NAME`, `N` and `VAR` are filled in.
pub(crate) struct Language {
    pub(crate) id: &'static str,
    shapes: [&'static str; 2],
}

impl Language {
    /// The function of that number, with a variable of that name, and its line break.
    pub(crate) fn function(&self, n: usize, variable: &str) -> String {
        let text = self.shapes[n % 2].trim_start_matches('\n');
        text.replace("NAME", &format!("step_{n}"))
            .replace("VAR", variable)
            .replace("NN", &n.to_string())
    }

    /// A document of so many functions with an empty line behind each.
    pub(crate) fn document(&self, functions: std::ops::Range<usize>, variable: &str) -> String {
        functions.map(|n| self.function(n, variable) + "\n").collect()
    }
}

pub(crate) const LANGUAGES: [Language; 8] = [
    Language {
        id: "rust",
        shapes: [
            r#"
pub fn NAME(values: &[u32]) -> u32 {
    let mut VAR = NN;
    for value in values {
        if *value > VAR {
            VAR += value * 2;
        } else {
            println!("skipped {value}");
        }
    }
    VAR
}
"#,
            r#"
fn NAME(name: &str, limit: usize) -> Option<String> {
    let VAR = match name.len() {
        0 => return None,
        n if n > limit => format!("{name}-NN"),
        _ => name.to_owned(),
    };
    Some(VAR.trim().to_string())
}
"#,
        ],
    },
    Language {
        id: "python",
        shapes: [
            r#"
def NAME(values):
    VAR = NN
    for value in values:
        if value > VAR:
            VAR += value * 2
            print("taken", value)
        else:
            print("skipped", value)
    return VAR
"#,
            r#"
class Box_NAME:
    def __init__(self, name, limit=NN):
        self.name = name
        self.limit = limit

    def shorten(self, text):
        VAR = text.strip()
        if len(VAR) > self.limit:
            VAR = VAR[: self.limit] + "..."
        return {"name": self.name, "text": VAR}
"#,
        ],
    },
    Language {
        id: "typescript",
        shapes: [
            r"
export function NAME(values: number[]): number {
  let VAR = NN;
  for (const value of values) {
    if (value > VAR) {
      VAR += value * 2;
    } else {
      console.log(`skipped ${value}`);
    }
  }
  return VAR;
}
",
            r#"
export const NAME = async (name: string): Promise<Record<string, number>> => {
  const VAR = await fetch("/api/NN/" + name);
  if (!VAR.ok) {
    throw new Error("no answer for " + name);
  }
  return { ...(await VAR.json()), size: name.length };
};
"#,
        ],
    },
    Language {
        id: "javascript",
        shapes: [
            r#"
function NAME(values) {
  let VAR = NN;
  values.forEach((value) => {
    if (value > VAR) {
      VAR += value * 2;
    } else {
      console.log("skipped", value);
    }
  });
  return VAR;
}
"#,
            r#"
class NAME {
  constructor(name) {
    this.name = name || "box NN";
  }

  describe(limit) {
    const VAR = this.name.slice(0, limit);
    return [VAR, "of", limit].join(" ");
  }
}
"#,
        ],
    },
    Language {
        id: "go",
        shapes: [
            r#"
func NAME(values []int) int {
	VAR := NN
	for _, value := range values {
		if value > VAR {
			VAR += value * 2
		} else {
			fmt.Println("skipped", value)
		}
	}
	return VAR
}
"#,
            r#"
func NAME(name string) (string, error) {
	VAR := strings.TrimSpace(name)
	if VAR == "" {
		return "", errors.New("empty NN")
	}
	return fmt.Sprintf("%s-%d", VAR, len(name)), nil
}
"#,
        ],
    },
    Language {
        id: "java",
        shapes: [
            r#"
class NAME {
    int run(int[] values) {
        int VAR = NN;
        for (int value : values) {
            if (value > VAR) {
                VAR += value * 2;
            } else {
                System.out.println("skipped " + value);
            }
        }
        return VAR;
    }
}
"#,
            r#"
record NAME(String name) {
    String shorten(int limit) {
        String VAR = name.strip();
        if (VAR.length() > limit) {
            return VAR.substring(0, limit) + "NN";
        }
        return VAR;
    }
}
"#,
        ],
    },
    Language {
        id: "c",
        shapes: [
            r#"
int NAME(const int *values, int count) {
    int VAR = NN;
    for (int i = 0; i < count; i++) {
        if (values[i] > VAR) {
            VAR += values[i] * 2;
        } else {
            printf("skipped %d\n", values[i]);
        }
    }
    return VAR;
}
"#,
            r#"
static char *NAME(const char *name) {
    char *VAR = malloc(strlen(name) + NN);
    if (VAR == NULL) {
        return NULL;
    }
    sprintf(VAR, "<%s>", name);
    return VAR;
}
"#,
        ],
    },
    Language {
        id: "php",
        shapes: [
            r#"
function NAME(array $values): int {
    $VAR = NN;
    foreach ($values as $value) {
        if ($value > $VAR) {
            $VAR += $value * 2;
        } else {
            echo "skipped", $value;
        }
    }
    return $VAR;
}
"#,
            r#"
class NAME {
    public function shorten(string $name, int $limit): string {
        $VAR = trim($name);
        if (strlen($VAR) > $limit) {
            return substr($VAR, 0, $limit) . "NN";
        }
        return $VAR;
    }
}
"#,
        ],
    },
];
