//! Prompts: templates and their rendering.
