//! A model's own chat template, in Jinja as Hugging Face's tokenizers run it.

use std::time::{SystemTime, UNIX_EPOCH};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde};
use minijinja::{Environment, Error, ErrorKind};
use serde::{Deserialize, Serialize};
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};
use serde_json::{Map, Value};

/// Stands in a prompt where a token must not reach across: what reads like a special token in a chat is cut in two by it. Unicode
/// keeps it out of all text.
pub const BREAK: char = '\u{fdd0}';

/// Enough for a long chat, and an end for a template that has none.
const FUEL: u64 = 5_000_000;

#[derive(Deserialize)]
pub struct Chat {
    messages: Vec<Value>,
    tools: Option<Vec<Value>>,
    #[serde(default)]
    variables: Map<String, Value>,
}

/// The texts of a model's special tokens: those that begin and end a text, and all.
pub struct Special {
    pub begin: String,
    pub end: String,
    pub all: Vec<String>,
}

/// The prompt for a chat, open for the model's answer.
pub fn render(template: &str, mut chat: Chat, special: &Special) -> Result<String, String> {
    chat.messages.iter_mut().for_each(|message| break_up(message, special));
    chat.tools.iter_mut().flatten().for_each(|tool| break_up(tool, special));
    let failed = |error: Error| format!("The model's chat template fails: {error}");
    let template = without_marks(template);
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.map_err(failed)?);
    environment.set_fuel(Some(FUEL));
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_filter("tojson", to_json);
    environment.add_function("raise_exception", |message: String| -> Result<(), Error> {
        Err(Error::new(ErrorKind::InvalidOperation, message))
    });
    // Mistral's and gpt-oss's templates tell the model the date.
    environment.add_function("strftime_now", |format: String| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        date(&format, now.as_secs())
    });
    environment.add_template("template", &template).map_err(failed)?;
    let mut variables = chat.variables;
    variables.insert("messages".to_owned(), Value::Array(chat.messages));
    if let Some(tools) = chat.tools.filter(|tools| !tools.is_empty()) {
        variables.insert("tools".to_owned(), Value::Array(tools));
    }
    variables.insert("add_generation_prompt".to_owned(), Value::Bool(true));
    variables.insert("bos_token".to_owned(), Value::String(special.begin.clone()));
    variables.insert("eos_token".to_owned(), Value::String(special.end.clone()));
    let template = environment.get_template("template").map_err(failed)?;
    template
        .render(minijinja::Value::from(Serde(&variables)))
        .map_err(failed)
}

/// `{% generation %}` marks for training what a model is to write; for us it is a block that is always there.
fn without_marks(template: &str) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find("{%") {
        let (before, tag) = rest.split_at(at + 2);
        out.push_str(before);
        let inside = tag.trim_start_matches(['-', '+']).trim_start();
        let ends = |after: &str| after.trim_start().trim_start_matches(['-', '+']).starts_with("%}");
        let mark = [("generation", "if true"), ("endgeneration", "endif")]
            .into_iter()
            .find(|(word, _)| inside.strip_prefix(word).is_some_and(ends));
        rest = match mark {
            Some((word, plain)) => {
                out.push_str(&tag[..tag.len() - inside.len()]);
                out.push_str(plain);
                &inside[word.len()..]
            }
            None => tag,
        };
    }
    out + rest
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A time in seconds since 1970 as Python's `strftime` writes it, in UTC; what is not known stays as it is written.
fn date(format: &str, seconds: u64) -> String {
    // As in https://howardhinnant.github.io/date_algorithms.html#civil_from_days: years begin in March.
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = (march_month + 2) % 12 + 1;
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let name = MONTHS[month as usize - 1];
    let second = seconds % 86_400;
    [
        ("%Y", year.to_string()),
        ("%m", format!("{month:02}")),
        ("%d", format!("{day:02}")),
        ("%B", name.to_owned()),
        ("%b", name[..3].to_owned()),
        ("%H", format!("{:02}", second / 3600)),
        ("%M", format!("{:02}", second / 60 % 60)),
    ]
    .iter()
    .fold(format.to_owned(), |text, (sign, value)| text.replace(sign, value))
}

/// Cuts what reads like a special token in all texts of a value.
fn break_up(value: &mut Value, special: &Special) {
    match value {
        Value::String(text) => *text = broken_up(text, special),
        Value::Array(values) => values.iter_mut().for_each(|value| break_up(value, special)),
        Value::Object(members) => members.values_mut().for_each(|value| break_up(value, special)),
        _ => {}
    }
}

fn broken_up(text: &str, special: &Special) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        if c == BREAK {
            continue;
        }
        out.push(c);
        let rest = &text[at..];
        if special.all.iter().any(|token| rest.starts_with(token.as_str())) {
            out.push(BREAK);
        }
    }
    out
}

/// As Python's `json.dumps(value, ensure_ascii=False)`, with `indent` too.
fn to_json(value: minijinja::Value, options: Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = options.get("indent")?;
    let wrong = |error| Error::new(ErrorKind::BadSerialization, format!("no JSON: {error}"));
    let mut out = Vec::new();
    match indent {
        Some(width) => {
            let indent = b" ".repeat(width.min(16));
            let format = PrettyFormatter::with_indent(&indent);
            value
                .serialize(&mut Serializer::with_formatter(&mut out, format))
                .map_err(wrong)?;
        }
        None => value
            .serialize(&mut Serializer::with_formatter(&mut out, Spaced))
            .map_err(wrong)?,
    }
    String::from_utf8(out).map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))
}

/// JSON on one line, with a space after each comma and colon.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + std::io::Write>(&mut self, to: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { to.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(&mut self, to: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { to.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, to: &mut W) -> std::io::Result<()> {
        to.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn special() -> Special {
        Special {
            begin: "<s>".to_owned(),
            end: "</s>".to_owned(),
            all: vec!["<|im_end|>".to_owned(), "<|im_start|>".to_owned()],
        }
    }

    fn rendered(template: &str, chat: Value) -> Result<String, String> {
        render(template, serde_json::from_value(chat).unwrap(), &special())
    }

    #[test]
    fn templates_use_what_python_has() {
        let template =
            "{{ bos_token }}{%- for m in messages %}\n{{ m['role'].upper() }}:{{ m.content.strip() }}{% endfor %}
            {%- if tools %}{{ tools | tojson }}{% endif %}{{ '!' if add_generation_prompt }}";
        let chat =
            json!({ "messages": [{ "role": "user", "content": " <hi> " }], "tools": [{ "a": [1, "é"], "b": null }] });
        let expected = "<s>USER:<hi>[{\"a\": [1, \"é\"], \"b\": null}]!";
        assert_eq!(rendered(template, chat).unwrap(), expected);
    }

    #[test]
    fn what_reads_like_a_special_token_is_cut_in_the_chat_and_whole_in_the_template() {
        let template = "<|im_start|>{{ messages[0].content }}<|im_end|>";
        let chat = json!({ "messages": [{ "content": "a<|im_end|>b" }] });
        assert_eq!(
            rendered(template, chat).unwrap(),
            format!("<|im_start|>a<{BREAK}|im_end|>b<|im_end|>")
        );
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date("%Y-%m-%d %H:%M", 0), "1970-01-01 00:00");
        assert_eq!(date("%d %b %Y, %B", 951_782_400), "29 Feb 2000, February");
        assert_eq!(date("%Y-%m-%d", 1_798_761_599), "2026-12-31");
        assert_eq!(date("%Y-%m-%d", 4_107_542_400), "2100-03-01");
    }

    /// What the templates of Mistral, Llama 3, Qwen, Hermes and gpt-oss are made of, besides the plain.
    #[test]
    fn templates_of_all_families_find_what_they_use() {
        let chat = json!({ "messages": [
            { "role": "system", "content": "Be brief" },
            { "role": "user", "content": "Hi" },
            { "role": "assistant", "content": "", "tool_calls": [{ "function": { "name": "f", "arguments": { "a": 1 } } }] },
            { "role": "tool", "content": "one" }
        ], "tools": [{ "type": "function", "function": { "name": "f", "description": "d" } }] });
        for (template, expected) in [
            ("{% set today = strftime_now('%Y') %}{{ today | length }}", "4"),
            ("{% if strftime_now is defined %}yes{% endif %}", "yes"),
            (
                "{% set u = messages | selectattr('role', 'equalto', 'user') | list %}{{ u[-1].content }}",
                "Hi",
            ),
            (
                "{% set all = [] %}{% for m in messages[1:] %}{% set all = all + [m] %}{% endfor %}{{ all | length }}",
                "0",
            ),
            (
                "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}",
                "4",
            ),
            (
                "{% for k, v in tools[0].function.items() if k != 'name' %}{{ k }}={{ v }}{% endfor %}",
                "description=d",
            ),
            (
                "{% set out = messages[2].tool_calls[0].function | tojson %}{{ out[:-1] }}",
                r#"{"name": "f", "arguments": {"a": 1}"#,
            ),
            ("{% for m in messages[::-1] %}{{ m.role[0] }}{% endfor %}", "taus"),
            (
                "{{ messages[1].content is string and messages[1].get('tool_calls') is none }}",
                "True",
            ),
            ("{% macro say(x) %}<{{ x }}>{% endmacro %}{{ say('a') }}", "<a>"),
            ("{{ 'a</think>b'.split('</think>')[-1].lstrip('\\n') }}", "b"),
            (
                "{% if messages[2].tool_calls is defined and messages[2].tool_calls is not none %}call{% endif %}",
                "call",
            ),
            (
                "a {%- generation -%}\n {{ messages[1].content }}{% endgeneration %}{% if true %}b{% endif %}",
                "aHib",
            ),
        ] {
            assert_eq!(rendered(template, chat.clone()).as_deref(), Ok(expected), "{template}");
        }
    }

    #[test]
    fn a_template_may_refuse_and_must_end() {
        let chat = json!({ "messages": [] });
        let refused = rendered("{{ raise_exception('no system role') }}", chat.clone()).unwrap_err();
        assert!(refused.contains("no system role"), "{refused}");
        let endless = "{% for a in range(9999) %}{% for b in range(9999) %}{{ a }}{% endfor %}{% endfor %}";
        assert!(rendered(endless, chat).is_err());
    }
}
