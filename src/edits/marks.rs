//! The marks of chat templates, reasoning and fill-in-the-middle training, by what they mean in an answer.

/// After one of these the model's turn is over; what follows is invented.
pub(super) const ENDS: &[&str] = &[
    // ChatML, Qwen, Yi, Hermes
    "<|im_end|>",
    "<|im_start|>user",
    "<|im_start|>system",
    "<|endoftext|>",
    // Llama 3 and 4
    "<|end_of_text|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|eot|>",
    "<|start_header_id|>user",
    "<|header_start|>user",
    // DeepSeek
    "<|EOT|>",
    "<｜end▁of▁sentence｜>",
    "<｜User｜>",
    // Phi, GLM, Zephyr
    "<|end|>",
    "<|user|>",
    "<|system|>",
    "<|observation|>",
    // Harmony
    "<|return|>",
    "<|eos|>",
    // Gemma
    "<end_of_turn>",
    "<start_of_turn>",
    "<eos>",
    // Code Llama, Mistral
    "<EOT>",
    "▁<EOT>",
    "[INST]",
    "<<SYS>>",
    "[SYSTEM_PROMPT]",
    // Command R
    "<|END_OF_TURN_TOKEN|>",
    "<|END_RESPONSE|>",
    "<|USER_TOKEN|>",
    // Granite
    "<|start_of_role|>user",
    "<|end_of_role|>user",
    // OpenChat, Starling, EXAONE, Kimi, Seed
    "<|end_of_turn|>",
    "[|endofturn|]",
    "<|im_user|>",
    "<[end▁of▁sentence]>",
    "<seed:eos>",
    // Fill in the middle: Qwen, StarCoder, Granite, CodeGemma, DeepSeek
    "<|fim_pad|>",
    "<fim_pad>",
    "<|file_sep|>",
    "<|file_separator|>",
    "<file_sep>",
    "<|repo_name|>",
    "<reponame>",
    "<|fim_prefix|>",
    "<fim_prefix>",
    "<｜fim▁begin｜>",
    "<|editable_region_end|>",
];

/// What may stand in front of the model's own words.
pub(super) const BEGINNINGS: &[&str] = &[
    "<|im_start|>assistant",
    "<|start_header_id|>assistant<|end_header_id|>",
    "<|header_start|>assistant<|header_end|>",
    "<start_of_turn>model",
    "<|start|>assistant",
    "<|assistant|>",
    "<｜Assistant｜>",
    "<|start_of_role|>assistant<|end_of_role|>",
    "<|START_OF_TURN_TOKEN|>",
    "<|CHATBOT_TOKEN|>",
    "<|START_RESPONSE|>",
    "<|im_assistant|>assistant<|im_middle|>",
    "[|assistant|]",
    "GPT4 Correct Assistant:",
    "<|begin_of_text|>",
    "<｜begin▁of▁sentence｜>",
    "<[begin▁of▁sentence]>",
    "<bos>",
    "[/INST]",
    "<s>",
    "### Response:",
    "### Assistant:",
    "ASSISTANT:",
    "Assistant:",
    "{{REWRITTEN_CODE}}",
    "{{INSERTED_CODE}}",
];

/// The answer begins behind the last of these.
pub(super) const LAST_WORDS: &[&str] = &[
    "<|channel|>final<|message|>",
    "<|START_RESPONSE|>",
    "<MID>",
    "<|fim_middle|>",
    "<fim_middle>",
    "<fim-middle>",
    "<[fim-middle]>",
    "<｜fim▁end｜>",
    "[MIDDLE]",
    "<|editable_region_start|>",
];

/// Ends that are also HTML or prose: they count only at the very end or alone on their line.
pub(super) const LONE_ENDS: &[&str] = &[
    "</s>",
    "[/INST]",
    "<|im_start|>",
    "<｜fim▁hole｜>",
    "<SUF>",
    "[SUFFIX]",
    "{{REWRITTEN_CODE}}",
    "{{INSERTED_CODE}}",
    "<|fim_suffix|>",
    "<fim_suffix>",
];

/// Headings of a new turn in templates without tokens; they count only at the start of a line.
pub(super) const LINE_ENDS: &[&str] = &["### Instruction:", "### Human:", "### User:"];

/// What stands where the cursor is, in prompts of editors.
pub(super) const CURSORS: &[&str] =
    &["<|user_cursor_is_here|>", "<|user_cursor|>", "<|cursor|>", "<CURSOR>", "<FILL_HERE>"];

/// The marks around what models think aloud.
pub(super) const THOUGHTS: &[(&str, &str)] = &[
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<reflection>", "</reflection>"),
    ("<analysis>", "</analysis>"),
    ("<scratchpad>", "</scratchpad>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<unused94>", "<unused95>"),
    ("Here is my thought process:", "Here is my response:"),
    ("Thinking...\n", "...done thinking."),
];

/// With these the model calls a tool instead of answering.
pub(super) const CALLS: &[&str] = &[
    "<tool_call>",
    "<tool_calls>",
    "<function_call>",
    "<function_calls>",
    "<function=",
    "<invoke name=",
    "<tool_code>",
    "<|tool_call|>",
    "<|tool_call>",
    "<|tool▁calls▁begin|>",
    "<｜tool▁calls▁begin｜>",
    "<|tool_calls_section_begin|>",
    "<|START_ACTION|>",
    "<|python_tag|>",
    "[TOOL_CALLS]",
    "<|channel|>commentary to=",
];
