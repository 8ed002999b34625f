//! What the grammars call the things that have a name: one table a language.

use tree_sitter::Node;

use super::outline::SymbolKind::{self, Entry, Function, Heading, Module, Type, Value};

/// What a grammar calls declarations and imports.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kinds {
    /// Kinds of nodes that declare something.
    pub(super) symbols: &'static [(&'static str, SymbolKind)],
    /// Kinds of nodes that bring in what other files declare.
    pub(super) imports: &'static [&'static str],
}

/// Assigned or bound names; they count where the value is a function or a type.
const SCRIPT: Kinds = Kinds {
    symbols: &[
        ("function_declaration", Function),
        ("generator_function_declaration", Function),
        ("function_signature", Function),
        ("method_definition", Function),
        ("abstract_method_signature", Function),
        ("method_signature", Function),
        ("class_declaration", Type),
        ("abstract_class_declaration", Type),
        ("interface_declaration", Type),
        ("type_alias_declaration", Type),
        ("enum_declaration", Type),
        ("internal_module", Module),
        ("module", Module),
        ("variable_declarator", Value),
        ("field_definition", Value),
        ("public_field_definition", Value),
        ("assignment_expression", Value),
    ],
    imports: &["import_statement"],
};

const C: Kinds = Kinds {
    symbols: &[
        ("function_definition", Function),
        ("declaration", Function),
        ("field_declaration", Function),
        ("preproc_function_def", Function),
        ("struct_specifier", Type),
        ("class_specifier", Type),
        ("union_specifier", Type),
        ("enum_specifier", Type),
        ("type_definition", Type),
        ("alias_declaration", Type),
        ("concept_definition", Type),
        ("namespace_definition", Module),
    ],
    imports: &["preproc_include", "using_declaration"],
};

/// The table for a grammar, by its name.
pub(super) fn kinds(grammar: &str) -> Kinds {
    match grammar {
        "rust" => RUST,
        "python" => PYTHON,
        "javascript" | "typescript" | "tsx" => SCRIPT,
        "go" => GO,
        "c" | "cpp" => C,
        "java" => JAVA,
        "csharp" => CSHARP,
        "ruby" => RUBY,
        "php" => PHP,
        "bash" => Kinds { symbols: &[("function_definition", Function)], imports: &["command"] },
        "lua" => Kinds {
            symbols: &[("function_declaration", Function), ("assignment_statement", Value)],
            imports: &["variable_declaration"],
        },
        "json" => Kinds { symbols: &[("pair", Entry)], imports: &[] },
        "toml" => Kinds {
            symbols: &[("table", Entry), ("table_array_element", Entry), ("pair", Entry)],
            imports: &[],
        },
        "yaml" => Kinds { symbols: &[("block_mapping_pair", Entry)], imports: &[] },
        "html" => Kinds {
            symbols: &[("element", Entry), ("script_element", Entry), ("style_element", Entry)],
            imports: &[],
        },
        "css" => Kinds {
            symbols: &[
                ("rule_set", Entry),
                ("media_statement", Entry),
                ("supports_statement", Entry),
                ("keyframes_statement", Entry),
                ("at_rule", Entry),
            ],
            imports: &["import_statement"],
        },
        "markdown" => {
            Kinds { symbols: &[("section", Heading), ("setext_heading", Heading)], imports: &[] }
        }
        _ => Kinds { symbols: &[], imports: &[] },
    }
}

const RUST: Kinds = Kinds {
    symbols: &[
        ("function_item", Function),
        ("function_signature_item", Function),
        ("macro_definition", Function),
        ("struct_item", Type),
        ("enum_item", Type),
        ("union_item", Type),
        ("trait_item", Type),
        ("impl_item", Type),
        ("type_item", Type),
        ("mod_item", Module),
        ("const_item", Value),
        ("static_item", Value),
    ],
    imports: &["use_declaration", "extern_crate_declaration"],
};

const PYTHON: Kinds = Kinds {
    symbols: &[("function_definition", Function), ("class_definition", Type)],
    imports: &["import_statement", "import_from_statement", "future_import_statement"],
};

const GO: Kinds = Kinds {
    symbols: &[
        ("function_declaration", Function),
        ("method_declaration", Function),
        ("type_spec", Type),
        ("type_alias", Type),
    ],
    imports: &["package_clause", "import_declaration"],
};

const JAVA: Kinds = Kinds {
    symbols: &[
        ("method_declaration", Function),
        ("constructor_declaration", Function),
        ("compact_constructor_declaration", Function),
        ("class_declaration", Type),
        ("interface_declaration", Type),
        ("enum_declaration", Type),
        ("record_declaration", Type),
        ("annotation_type_declaration", Type),
    ],
    imports: &["package_declaration", "import_declaration"],
};

const CSHARP: Kinds = Kinds {
    symbols: &[
        ("method_declaration", Function),
        ("constructor_declaration", Function),
        ("destructor_declaration", Function),
        ("operator_declaration", Function),
        ("local_function_statement", Function),
        ("delegate_declaration", Function),
        ("property_declaration", Value),
        ("class_declaration", Type),
        ("struct_declaration", Type),
        ("interface_declaration", Type),
        ("enum_declaration", Type),
        ("record_declaration", Type),
        ("namespace_declaration", Module),
        ("file_scoped_namespace_declaration", Module),
    ],
    imports: &["using_directive"],
};

const RUBY: Kinds = Kinds {
    symbols: &[
        ("method", Function),
        ("singleton_method", Function),
        ("class", Type),
        ("module", Module),
    ],
    imports: &["call"],
};

const PHP: Kinds = Kinds {
    symbols: &[
        ("function_definition", Function),
        ("method_declaration", Function),
        ("class_declaration", Type),
        ("interface_declaration", Type),
        ("trait_declaration", Type),
        ("enum_declaration", Type),
        ("namespace_definition", Module),
    ],
    imports: &["namespace_use_declaration"],
};

/// Kinds of nodes that stand around a declaration and belong to it.
const WRAPPERS: [&str; 10] = [
    "export_statement",
    "decorated_definition",
    "template_declaration",
    "lexical_declaration",
    "variable_declaration",
    "type_declaration",
    "ambient_declaration",
    "expression_statement",
    "linkage_specification",
    "declaration",
];

/// A node and those it stands in, from the root on.
///
/// A node finds its parent only from the root down, so that a deep tree would take the square of its depth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot<'a, 'tree> {
    pub(super) node: Node<'tree>,
    pub(super) above: &'a [Node<'tree>],
}

impl<'a, 'tree> Spot<'a, 'tree> {
    pub(super) fn new(node: Node<'tree>, above: &'a [Node<'tree>]) -> Self {
        Self { node, above }
    }

    pub(super) fn parent(self) -> Option<Node<'tree>> {
        self.above.last().copied()
    }

    /// The node with what belongs to it: `export`, decorators, `const`.
    pub(super) fn whole(self) -> Node<'tree> {
        let mut whole = self.node;
        for &parent in self.above.iter().rev() {
            let holds_others_too = matches!(
                parent.kind(),
                "decorated_definition" | "template_declaration" | "export_statement"
            );
            let holds_one = parent.named_child_count() == 1 || holds_others_too;
            if !is_wrapper(parent) || !holds_one || last_child(parent) != Some(whole) {
                break;
            }
            whole = parent;
        }
        whole
    }
}

/// Whether a node may stand around a declaration and belong to it.
pub(super) fn is_wrapper(node: Node<'_>) -> bool {
    WRAPPERS.contains(&node.kind())
}

pub(super) fn last_child(node: Node<'_>) -> Option<Node<'_>> {
    let n_children = u32::try_from(node.named_child_count()).ok()?;
    node.named_child(n_children.checked_sub(1)?)
}
