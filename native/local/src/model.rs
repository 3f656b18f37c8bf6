//! Models that JavaScript has open, and their sessions.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use rein_border::handles::Handles;
use serde::{Deserialize, Serialize};

use crate::constraint::Constrainer;
use crate::llama::{Context, Model, Token};
use crate::template::{self, BREAK, Chat, Special};
use crate::turns;

pub static MODELS: Handles<Arc<Loaded>> = Handles::new();
pub static SESSIONS: Handles<Arc<Mutex<Session>>> = Handles::new();

#[derive(Deserialize)]
pub struct Options {
    path: PathBuf,
    context: u32,
    threads: Option<usize>,
    adapter: Option<PathBuf>,
    scale: Option<f32>,
    processor: Option<String>,
}

pub struct Loaded {
    pub model: Arc<Model>,
    pub info: Info,
    template: Option<String>,
    special: Special,
    constrainer: OnceLock<Result<Constrainer, String>>,
}

/// What JavaScript is told of a loaded model.
#[derive(Clone, Serialize)]
pub struct Info {
    pub context: u32,
    pub threads: usize,
    pub processor: &'static str,
}

/// One conversation, and the tokens that its context has computed.
pub struct Session {
    pub loaded: Arc<Loaded>,
    pub context: Context,
    pub computed: Vec<Token>,
}

/// Loads a model. That its file is whole, that its adapter fits and that there is memory was found out before.
pub fn load(options: &Options, cancelled: &dyn Fn() -> bool) -> Result<Loaded, String> {
    let mut model = Model::load(&options.path, options.processor.as_deref(), cancelled)?;
    if let Some(adapter) = &options.adapter {
        model.adapt(adapter, options.scale.unwrap_or(1.0))?;
    }
    let name = |token: Option<Token>| {
        let bytes = token.map(|token| model.piece(token, true)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let special = Special {
        begin: name(model.begin()),
        end: name(model.end()),
        all: (0..model.vocabulary_size() as Token)
            .filter(|token| model.is_control(*token))
            .map(|token| name(Some(token)))
            .filter(|name| name.chars().nth(1).is_some())
            .collect(),
    };
    let info = Info {
        context: options.context,
        threads: options.threads.unwrap_or_else(|| turns::processors() - 1).max(1),
        processor: model.processor(),
    };
    Ok(Loaded {
        template: model.chat_template(),
        model: Arc::new(model),
        info,
        special,
        constrainer: OnceLock::new(),
    })
}

/// Opens a session: it takes memory for its context.
pub fn open(loaded: &Arc<Loaded>) -> Result<Session, String> {
    Ok(Session {
        context: Context::new(&loaded.model, loaded.info.context, loaded.info.threads)?,
        computed: Vec::new(),
        loaded: Arc::clone(loaded),
    })
}

impl Loaded {
    pub fn render(&self, chat: Chat) -> Result<String, String> {
        let template = self.template.as_deref();
        template::render(
            template.ok_or("The model has no chat template: it is no chat model")?,
            chat,
            &self.special,
        )
    }

    /// The tokens of a rendered prompt.
    pub fn tokens(&self, prompt: &str) -> Result<Vec<Token>, String> {
        let mut tokens = Vec::new();
        for (index, part) in prompt.split(BREAK).enumerate() {
            tokens.extend(self.model.tokenize(part, index == 0, true)?);
        }
        // A template may write what the model begins each text with anyway.
        if let [first, second, ..] = tokens[..]
            && first == second
            && Some(first) == self.model.begin()
        {
            tokens.remove(0);
        }
        Ok(tokens)
    }

    /// Made when the first constrained answer is wanted: it takes a moment.
    pub fn constrainer(&self) -> Result<&Constrainer, String> {
        self.constrainer
            .get_or_init(|| Constrainer::new(&self.model))
            .as_ref()
            .map_err(Clone::clone)
    }
}
