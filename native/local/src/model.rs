//! Models that JavaScript has open, and their sessions.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use rein_border::handles::Handles;
use serde::{Deserialize, Serialize};

use crate::constraint::Constrainer;
use crate::gguf::{self, Info};
use crate::llama::{Context, Model, Token};
use crate::memory::{self, Need};
use crate::template::{self, BREAK, Chat, Special};
use crate::turns;

pub static MODELS: Handles<Arc<Loaded>> = Handles::new();
pub static SESSIONS: Handles<Arc<Mutex<Session>>> = Handles::new();

/// A context that is shorter than this is of no use.
const LEAST_CONTEXT: u32 = 512;

#[derive(Deserialize)]
pub struct Options {
    path: PathBuf,
    context: Option<u32>,
    threads: Option<usize>,
    adapter: Option<PathBuf>,
    scale: Option<f32>,
    processor: Option<String>,
}

pub struct Loaded {
    pub model: Arc<Model>,
    pub info: LoadedInfo,
    special: Special,
    constrainer: OnceLock<Result<Constrainer, String>>,
}

#[derive(Clone, Serialize)]
pub struct LoadedInfo {
    #[serde(flatten)]
    pub file: Info,
    pub context: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounded: Option<String>,
    pub threads: usize,
    pub processor: &'static str,
    pub need: Need,
}

/// One conversation, and the tokens that its context has computed.
pub struct Session {
    pub loaded: Arc<Loaded>,
    pub context: Context,
    pub computed: Vec<Token>,
}

/// Loads a model, after the file and the memory were found good.
pub fn load(options: &Options, cancelled: &dyn Fn() -> bool) -> Result<Loaded, String> {
    let file = gguf::read(&options.path)?;
    let shown = options.path.display();
    if file.adapter {
        return Err(format!(
            "'{shown}' is an adapter: it needs the model that it was made for"
        ));
    }
    let available = memory::available();
    let (context, bounded) =
        context_of(&file, options.context, available).map_err(|why| format!("Cannot load '{shown}': {why}"))?;
    if let Some(adapter) = &options.adapter {
        check_adapter(adapter, &file)?;
    }
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
    let info = LoadedInfo {
        context,
        bounded,
        threads: options.threads.unwrap_or_else(|| turns::processors() - 1).max(1),
        processor: model.processor(),
        need: memory::need(&file, context),
        file,
    };
    Ok(Loaded {
        model: Arc::new(model),
        info,
        special,
        constrainer: OnceLock::new(),
    })
}

/// How long the context is to be, and why it is shorter than the model was trained for.
fn context_of(file: &Info, wanted: Option<u32>, available: u64) -> Result<(u32, Option<String>), String> {
    let trained = file.trained_context.max(LEAST_CONTEXT);
    let least = wanted.unwrap_or(LEAST_CONTEXT).min(trained);
    let need = memory::need(file, least);
    if need.total > available {
        let [needs, has] = [need.total, available].map(memory::shown);
        return Err(format!(
            "it needs {needs} of memory at a context of {least} tokens, and {has} are free"
        ));
    }
    if let Some(wanted) = wanted {
        let bounded = (wanted > trained).then(|| format!("the model was trained for {trained} tokens"));
        return Ok((least, bounded));
    }
    // Not all that is free: this is one session, and others may come.
    let room = (available - memory::need(file, 0).total) / 2;
    let tokens = room / file.bytes_per_token.max(1);
    if tokens >= trained.into() {
        return Ok((trained, None));
    }
    let context = u32::try_from(tokens).unwrap_or(trained).max(LEAST_CONTEXT) / 256 * 256;
    let why = format!(
        "of the {} of memory that is free, half is for it",
        memory::shown(available)
    );
    Ok((context, Some(why)))
}

/// Finds out what can be known of an adapter before the model is loaded.
fn check_adapter(path: &Path, model: &Info) -> Result<(), String> {
    let (shown, adapter) = (path.display(), gguf::read(path)?);
    if !adapter.adapter {
        return Err(format!("'{shown}' is no adapter"));
    }
    if adapter.architecture != model.architecture {
        let [its, ours] = [adapter.architecture, model.architecture.clone()];
        return Err(format!(
            "The adapter '{shown}' is for another model: for {its}, and this is {ours}"
        ));
    }
    Ok(())
}

/// Opens a session, if there is memory for its context.
pub fn open(loaded: &Arc<Loaded>) -> Result<Session, String> {
    let need = loaded.info.need;
    let (more, available) = (need.cache.saturating_add(need.work), memory::available());
    if more > available {
        let [needs, has] = [more, available].map(memory::shown);
        return Err(format!(
            "Cannot open a session: it needs {needs} of memory, and {has} are free"
        ));
    }
    Ok(Session {
        context: Context::new(&loaded.model, loaded.info.context, loaded.info.threads)?,
        computed: Vec::new(),
        loaded: Arc::clone(loaded),
    })
}

impl Loaded {
    pub fn render(&self, chat: Chat) -> Result<String, String> {
        let template = self.info.file.chat_template.as_deref();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Info {
        Info {
            name: None,
            architecture: "llama".to_owned(),
            parameters: 1,
            quantisation: "Q4_0".to_owned(),
            bytes: 1_000_000,
            trained_context: 4096,
            vocabulary: 1,
            layers: 1,
            bytes_per_token: 1000,
            work_bytes: 1_000_000,
            chat_template: None,
            licence: None,
            adapter: false,
        }
    }

    #[test]
    fn the_context_is_what_the_model_was_trained_for_if_memory_allows() {
        assert_eq!(context_of(&file(), None, 100_000_000), Ok((4096, None)));
        assert_eq!(context_of(&file(), Some(1024), 100_000_000), Ok((1024, None)));
        let (context, bounded) = context_of(&file(), Some(9000), 100_000_000).unwrap();
        assert_eq!(
            (context, bounded.as_deref()),
            (4096, Some("the model was trained for 4096 tokens"))
        );
    }

    #[test]
    fn too_little_memory_bounds_a_context_or_refuses_it_before_it_is_tried() {
        let (context, bounded) = context_of(&file(), None, 5_000_000).unwrap();
        assert_eq!(context, 1280);
        assert!(bounded.unwrap().contains("5 MB"));
        let refused = context_of(&file(), Some(4096), 5_000_000).unwrap_err();
        assert_eq!(
            refused,
            "it needs 7 MB of memory at a context of 4096 tokens, and 5 MB are free"
        );
        assert!(context_of(&file(), None, 2_000_000).is_err());
    }
}
