//! What an answer must be: a JSON Schema or a grammar, kept while tokens are taken.

use std::sync::Arc;

use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{ApproximateTokEnv, TokEnv, TokRxInfo, TokTrie};
use llguidance::{Matcher, ParserFactory};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::llama::Model;

/// How long a string and an array may be where the schema sets no bound: without one a small model may never end.
const LONGEST_STRING: u64 = 400;
const MOST_ITEMS: u64 = 32;
const LARGEST_INTEGER: i64 = 999_999_999_999;

#[derive(Deserialize)]
#[serde(untagged)]
pub enum Constraint {
    Schema { schema: Value },
    Lark { lark: String },
}

impl Constraint {
    fn grammar(self) -> TopLevelGrammar {
        match self {
            Self::Schema { schema } => TopLevelGrammar::from_json_schema(bounded(schema)),
            Self::Lark { lark } => TopLevelGrammar::from_lark(lark),
        }
    }
}

/// Makes matchers for the tokens of one model.
pub struct Constrainer(ParserFactory);

impl Constrainer {
    pub fn new(model: &Model) -> Result<Self, String> {
        let size = model.vocabulary_size();
        let words: Vec<Vec<u8>> = (0..size as i32)
            .map(|token| {
                if model.is_control(token) {
                    [vec![TokTrie::SPECIAL_TOKEN_MARKER], model.piece(token, true)].concat()
                } else {
                    model.piece(token, false)
                }
            })
            .collect();
        let end = model
            .end()
            .or(model.end_of_turn())
            .ok_or("The model has no token that ends a text")?;
        let mut info = TokRxInfo::new(size as u32, end as u32);
        info.tok_end_of_turn = model.end_of_turn().map(|token| token as u32);
        let environment: TokEnv = Arc::new(ApproximateTokEnv::new(TokTrie::from(&info, &words)));
        Self::of(&environment)
    }

    fn of(environment: &TokEnv) -> Result<Self, String> {
        let mut factory = ParserFactory::new_simple(environment).map_err(|error| error.to_string())?;
        factory.quiet();
        factory.limits_mut().verbose_errors = false;
        Ok(Self(factory))
    }

    pub fn matcher(&self, constraint: Constraint) -> Result<Matcher, String> {
        let matcher = Matcher::new(self.0.create_parser(constraint.grammar()));
        match matcher.get_error() {
            Some(error) => Err(error),
            None => Ok(matcher),
        }
    }
}

/// Whether a constraint can be kept, with any model's tokens.
pub fn check(constraint: Constraint) -> Result<(), String> {
    Constrainer::of(&ApproximateTokEnv::single_byte_env())?
        .matcher(constraint)
        .map(|_| ())
}

/// A schema whose texts and lists end, written the way that models know JSON.
pub fn bounded(mut schema: Value) -> Value {
    bound(&mut schema, true);
    if let Value::Object(members) = &mut schema {
        let style = json!({ "whitespace_flexible": false, "item_separator": ", ", "key_separator": ": " });
        members.insert("x-guidance".to_owned(), style);
    }
    schema
}

/// `alone`: nothing else adds properties to what this schema describes.
fn bound(schema: &mut Value, alone: bool) {
    let Value::Object(members) = schema else { return };
    for (key, value) in members.iter_mut() {
        match (key.as_str(), value) {
            ("properties" | "patternProperties" | "$defs" | "definitions", Value::Object(schemas)) => {
                schemas.values_mut().for_each(|schema| bound(schema, true));
            }
            ("anyOf" | "oneOf", Value::Array(schemas)) => schemas.iter_mut().for_each(|schema| bound(schema, alone)),
            ("allOf", Value::Array(schemas)) => schemas.iter_mut().for_each(|schema| bound(schema, false)),
            ("prefixItems", Value::Array(schemas)) => schemas.iter_mut().for_each(|schema| bound(schema, true)),
            ("items" | "additionalProperties", schema) => bound(schema, true),
            _ => {}
        }
    }
    if ["enum", "const", "$ref"].iter().any(|key| members.contains_key(*key)) {
        return;
    }
    if is(members, "string")
        && !["maxLength", "pattern", "format"]
            .iter()
            .any(|key| members.contains_key(*key))
    {
        let least = members.get("minLength").and_then(Value::as_u64).unwrap_or(0);
        members.insert("maxLength".to_owned(), json!(least.max(LONGEST_STRING)));
    }
    if is(members, "array") && !members.contains_key("maxItems") {
        let least = members.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        members.insert("maxItems".to_owned(), json!(least.max(MOST_ITEMS)));
    }
    if is(members, "integer") {
        for (bound, exclusive, limit) in [
            ("minimum", "exclusiveMinimum", -LARGEST_INTEGER),
            ("maximum", "exclusiveMaximum", LARGEST_INTEGER),
        ] {
            if !members.contains_key(bound) && !members.contains_key(exclusive) {
                members.insert(bound.to_owned(), json!(limit));
            }
        }
    }
    let mixed = ["allOf", "anyOf", "oneOf", "patternProperties", "additionalProperties"];
    if alone && members.contains_key("properties") && !mixed.iter().any(|key| members.contains_key(*key)) {
        members.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
}

fn is(schema: &Map<String, Value>, kind: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(one)) => one == kind,
        Some(Value::Array(several)) => several.iter().any(|one| one == kind),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(schema: Value) -> Result<(), String> {
        check(Constraint::Schema { schema })
    }

    #[test]
    fn schemas_that_agents_use_can_be_kept() {
        let call = json!({ "oneOf": [
            { "type": "object", "required": ["name", "arguments"], "properties": {
                "name": { "const": "read" },
                "arguments": { "type": "object", "required": ["path"], "properties": { "path": { "type": "string" } } } } },
            { "type": "object", "required": ["name"], "properties": { "name": { "const": "stop" } } }
        ] });
        assert_eq!(checked(call), Ok(()));
        assert_eq!(
            checked(json!({ "type": "array", "items": { "enum": ["a", "b"] }, "minItems": 1 })),
            Ok(())
        );
        assert_eq!(
            checked(json!({ "type": ["string", "null"], "pattern": "^[a-z]{1,8}$" })),
            Ok(())
        );
        assert_eq!(checked(json!({ "type": "number", "minimum": 0, "maximum": 1 })), Ok(()));
        assert_eq!(
            checked(json!({ "$ref": "#/$defs/a", "$defs": { "a": { "type": "integer" } } })),
            Ok(())
        );
    }

    #[test]
    fn what_cannot_be_kept_is_named() {
        let error = checked(json!({ "type": "array", "uniqueItems": true })).unwrap_err();
        assert!(error.contains("uniqueItems"), "{error}");
        assert!(
            check(Constraint::Lark {
                lark: "start: nowhere".to_owned()
            })
            .is_err()
        );
    }

    #[test]
    fn every_text_and_list_gets_a_bound_and_own_bounds_stay() {
        let schema = json!({ "type": "object", "properties": {
            "a": { "type": "string" }, "b": { "type": "string", "maxLength": 3 },
            "c": { "type": "array", "items": { "type": "integer", "minimum": 1 } } } });
        let bounded = bounded(schema);
        assert_eq!(bounded["properties"]["a"]["maxLength"], LONGEST_STRING);
        assert_eq!(bounded["properties"]["b"]["maxLength"], 3);
        assert_eq!(bounded["properties"]["c"]["maxItems"], MOST_ITEMS);
        assert_eq!(
            bounded["properties"]["c"]["items"],
            json!({ "type": "integer", "minimum": 1, "maximum": LARGEST_INTEGER })
        );
        assert_eq!(bounded["additionalProperties"], false);
    }
}
