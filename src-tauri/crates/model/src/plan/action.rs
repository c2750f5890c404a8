//! What an attempt does: a script, a request, a file on its way, a wait, a question.
//!
//! What requests consist of is in `http.rs`.
//!
//! Typed steps (`file`, `link`, `service`, `package`) are scripts here: planning spells them out, so
//! that what a person reads in a plan is what the host's shell gets.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::http::{HttpRequest, HttpSet};
use crate::digest::Digest;
use crate::id::UserName;
use crate::text::Text;

/// What is sent to a host, or to an API.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// A POSIX sh script on the host.
    Run {
        /// The script.
        script: Text,
        /// As whom.
        run_as: RunAs,
        /// What it does in one line, where a typed step stands for it: `link /srv/app/current to releases/7`.
        meaning: Option<Text>,
    },
    /// An HTTP request.
    Http {
        /// The request.
        request: Box<HttpRequest>,
    },
    /// Members of a document behind an API, set where they still are what they were seen to be.
    HttpSet {
        /// What is read, compared and written.
        set: Box<HttpSet>,
    },
    /// Nothing for a while.
    Wait {
        /// How long, in milliseconds.
        #[ts(type = "number")]
        ms: u64,
    },
    /// A person decides.
    Ask {
        /// The question.
        question: Text,
        /// How long an answer may take, in milliseconds.
        #[ts(type = "number")]
        within_ms: u64,
        /// What an answer that did not come in time means.
        otherwise: Otherwise,
    },
    /// A file or tree from the host to the console.
    Fetch {
        /// Its path on the host.
        from: Text,
        /// The folder on the console, below the one that the operator chose; each host has its own in it.
        to: Text,
        /// The most bytes that are taken from one host.
        #[ts(type = "number")]
        bytes_max: u64,
        /// As whom it is read.
        run_as: RunAs,
    },
    /// A file from the console to the host.
    Put {
        /// Its path on the console.
        from: String,
        /// What it held when the plan was made.
        content: LocalFile,
        /// Its path on the host.
        to: Text,
        /// Its mode there, in octal digits.
        mode: Option<String>,
        /// Its owner there, `user` or `user:group`.
        owner: Option<Text>,
        /// As whom it is written.
        run_as: RunAs,
    },
}

impl Action {
    /// A script as the login user, without more to say about it.
    #[must_use]
    pub const fn script(script: Text) -> Self {
        Self::Run { script, run_as: RunAs::Login, meaning: None }
    }

    /// Of a way back: whether it looks at what is there and changes it only where that is what it expects, as
    /// members of a document and the scripts of typed steps do, which say what they mean. Sent a second time it
    /// does nothing, or stops and says what it found.
    #[must_use]
    pub const fn compares_before_it_sets(&self) -> bool {
        matches!(self, Self::HttpSet { .. } | Self::Run { meaning: Some(_), .. })
    }

    /// The requests that it makes, in order; empty for what makes none.
    #[must_use]
    pub fn requests(&self) -> Vec<&HttpRequest> {
        match self {
            Self::Http { request } => vec![request],
            Self::HttpSet { set } => vec![&set.read, &set.write],
            Self::Run { .. } | Self::Wait { .. } | Self::Ask { .. } | Self::Fetch { .. } | Self::Put { .. } => {
                Vec::new()
            }
        }
    }

    /// The local files that it sends or relies on, as they were when the plan was made.
    pub fn local_files(&self) -> impl Iterator<Item = (&str, &LocalFile)> {
        let put = match self {
            Self::Put { from, content, .. } => Some((from.as_str(), content)),
            _ => None,
        };
        let pinned = self.requests().into_iter().flat_map(HttpRequest::files);
        put.into_iter().chain(pinned.map(|file| (file.path.as_str(), &file.content)))
    }

    /// Every text that is filled before it is sent.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        let texts: Vec<&Text> = match self {
            Self::Run { script, .. } => vec![script],
            Self::Http { request } => request.texts().collect(),
            Self::HttpSet { set } => set.texts().collect(),
            Self::Wait { .. } => Vec::new(),
            Self::Ask { question, .. } => vec![question],
            Self::Fetch { from, to, .. } => vec![from, to],
            Self::Put { to, owner, .. } => std::iter::once(to).chain(owner).collect(),
        };
        texts.into_iter()
    }

    /// The same action with each of its texts replaced; the first error ends it.
    pub fn try_map<E>(&self, fill: &impl Fn(&Text) -> Result<Text, E>) -> Result<Self, E> {
        Ok(match self {
            Self::Run { script, run_as, meaning } => Self::Run {
                script: fill(script)?,
                run_as: run_as.clone(),
                meaning: meaning.as_ref().map(fill).transpose()?,
            },
            Self::Http { request } => Self::Http { request: Box::new(request.try_map(fill)?) },
            Self::HttpSet { set } => Self::HttpSet { set: Box::new(set.try_map(fill)?) },
            Self::Wait { ms } => Self::Wait { ms: *ms },
            Self::Ask { question, within_ms, otherwise } => {
                Self::Ask { question: fill(question)?, within_ms: *within_ms, otherwise: *otherwise }
            }
            Self::Fetch { from, to, bytes_max, run_as } => {
                Self::Fetch { from: fill(from)?, to: fill(to)?, bytes_max: *bytes_max, run_as: run_as.clone() }
            }
            Self::Put { from, content, to, mode, owner, run_as } => Self::Put {
                from: from.clone(),
                content: content.clone(),
                to: fill(to)?,
                mode: mode.clone(),
                owner: owner.as_ref().map(fill).transpose()?,
                run_as: run_as.clone(),
            },
        })
    }
}

/// As whom a script runs on the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RunAs {
    /// As the user who logged in.
    #[default]
    Login,
    /// As root, through `sudo -n`.
    Root,
    /// As this user, through `sudo -n -u`.
    User(UserName),
}

/// A local file as it was when the plan was made.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct LocalFile {
    /// The digest of its content.
    pub digest: Digest,
    /// Its size.
    #[ts(type = "number")]
    pub bytes: u64,
}

/// What an answer that did not come in time means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Otherwise {
    /// The run stops here.
    Stop,
    /// The run goes on.
    Continue,
}
