//! What an answer must be: a grammar as llguidance reads it, kept while tokens are taken.

use std::sync::Arc;

use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{ApproximateTokEnv, TokEnv, TokRxInfo, TokTrie};
use llguidance::{Matcher, ParserFactory};

use crate::llama::Model;

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

    pub fn matcher(&self, grammar: String) -> Result<Matcher, String> {
        let matcher = Matcher::new(self.0.create_parser(TopLevelGrammar::from_lark(grammar)));
        match matcher.get_error() {
            Some(error) => Err(error),
            None => Ok(matcher),
        }
    }
}

/// Whether a grammar can be kept, with any model's tokens.
pub fn check(grammar: &str) -> Result<(), String> {
    Constrainer::of(&ApproximateTokEnv::single_byte_env())?
        .matcher(grammar.to_owned())
        .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grammar_may_hold_schemas() {
        let call = r#"start: "<call>" call
            call: %json { "type": "object", "required": ["a"], "properties": { "a": { "type": "string", "maxLength": 9 } } }"#;
        assert_eq!(check(call), Ok(()));
    }

    #[test]
    fn what_cannot_be_kept_is_named() {
        let error = check(r#"start: %json { "type": "array", "uniqueItems": true }"#).unwrap_err();
        assert!(error.contains("uniqueItems"), "{error}");
        assert!(check("start: nowhere").is_err());
    }
}
