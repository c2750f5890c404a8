//! A desk that is nobody's: folders of a test's own, no keys, no agent.

use std::path::Path;

use daytwo_console::{Profile, ProfileKind};

/// Everything below `folder`.
pub(crate) fn profile(folder: &Path) -> Profile {
    Profile {
        kind: ProfileKind::Own,
        config_dir: folder.join("config"),
        data_dir: folder.join("data"),
        ssh_dir: None,
        ssh_agent: None,
        http_proxy: None,
        login: "maria".to_owned(),
        actor: "maria@laptop".to_owned(),
    }
}
