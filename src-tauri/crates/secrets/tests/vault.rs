//! Secrets where there is no keyring: the vault, on a real disk.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use daytwo_model::{SecretName, SecretValue};
use daytwo_secrets::vault::Cost;
use daytwo_secrets::{
    AskPassphrase, Backend, NobodyToAsk, PassphraseFor, SECRET_BYTES_MAX, SecretsError, SecretsHandle, SecretsOptions,
    VaultState,
};

const VALUE: &str = "sk-value-that-must-not-show";

/// A person who gives these passphrases, one after the other.
struct Person {
    says: Vec<&'static str>,
    asked: AtomicUsize,
}

impl Person {
    fn new(says: &[&'static str]) -> Arc<Self> {
        Arc::new(Self { says: says.to_vec(), asked: AtomicUsize::new(0) })
    }
}

#[async_trait]
impl AskPassphrase for Person {
    async fn ask(&self, reason: PassphraseFor) -> Option<SecretValue> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst);
        assert_eq!(turn > 0, reason == PassphraseFor::UnlockAgain, "turn {turn}: {reason:?}");
        self.says.get(turn).map(|text| SecretValue::new(*text))
    }
}

async fn open(dir: &std::path::Path, ask: Arc<dyn AskPassphrase>) -> SecretsHandle {
    let mut options = SecretsOptions::new(dir.to_owned());
    options.keyring = false;
    options.cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
    SecretsHandle::open(options, ask).await
}

fn name(text: &str) -> SecretName {
    SecretName::new(text).unwrap()
}

fn state(handle: &SecretsHandle) -> VaultState {
    match handle.status() {
        Backend::Vault { state, why } => {
            assert_eq!(why, "it is turned off in the settings");
            state
        }
        other @ (Backend::Keyring | Backend::Memory | Backend::None { .. }) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_secret_is_there_again_after_a_restart_and_the_passphrase_is_asked_once() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("data/secrets");
    let person = Person::new(&["correct horse"]);
    let first = open(&dir, Arc::clone(&person) as Arc<dyn AskPassphrase>).await;
    assert_eq!(state(&first), VaultState::Absent);
    assert!(first.read(&name("gateway-master-key")).await.unwrap().is_none(), "nobody is asked for nothing");
    first.set(&name("gateway-master-key"), SecretValue::new(VALUE)).await.unwrap();
    first.set(&name("b"), SecretValue::new("2")).await.unwrap();
    assert_eq!(first.read(&name("b")).await.unwrap().unwrap().expose(), "2");
    assert_eq!((person.asked.load(Ordering::SeqCst), state(&first)), (1, VaultState::Unlocked));

    let person = Person::new(&["wrong battery", "correct horse"]);
    let second = open(&dir, Arc::clone(&person) as Arc<dyn AskPassphrase>).await;
    assert_eq!(state(&second), VaultState::Locked);
    assert_eq!(second.list().await.unwrap(), [name("b"), name("gateway-master-key")], "names need no passphrase");
    assert_eq!(second.read(&name("gateway-master-key")).await.unwrap().unwrap().expose(), VALUE);
    assert_eq!(person.asked.load(Ordering::SeqCst), 2);
    assert!(second.delete(&name("b")).await.unwrap());
    assert!(!second.delete(&name("b")).await.unwrap());
    assert_eq!(first.list().await.unwrap(), [name("gateway-master-key")], "the other process sees it");
    assert!(first.read(&name("b")).await.unwrap().is_none());

    for entry in std::fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains(VALUE) && !text.contains("correct"), "{}", path.display());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", path.display());
            assert_eq!(std::fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
        }
    }
    assert!(!format!("{second:?}").contains(VALUE));
}

#[tokio::test]
async fn a_wrong_passphrase_or_none_is_told_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path(), Person::new(&["correct horse"])).await;
    first.set(&name("a"), SecretValue::new(VALUE)).await.unwrap();
    let before = std::fs::read(dir.path().join("secrets.vault")).unwrap();

    let guessing = open(dir.path(), Person::new(&["guess one", "guess two", "guess three", "correct horse"])).await;
    let error = guessing.read(&name("a")).await.unwrap_err();
    assert_eq!(error.to_string(), "unlock the vault: the passphrase is wrong", "after three tries it ends");
    let nobody = open(dir.path(), Arc::new(NobodyToAsk)).await;
    assert!(matches!(nobody.set(&name("a"), SecretValue::new("x")).await, Err(SecretsError::Locked)));
    assert!(matches!(nobody.unlock(SecretValue::new("wrong battery")).await, Err(SecretsError::WrongPassphrase)));
    assert_eq!(state(&nobody), VaultState::Locked);
    assert_eq!(std::fs::read(dir.path().join("secrets.vault")).unwrap(), before);
    nobody.unlock(SecretValue::new("correct horse")).await.unwrap();
    assert_eq!(nobody.read(&name("a")).await.unwrap().unwrap().expose(), VALUE);
    nobody.lock().await;
    assert!(matches!(nobody.read(&name("a")).await, Err(SecretsError::Locked)));
}

#[tokio::test]
async fn a_damaged_vault_is_told_and_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secrets.vault");
    let handle = open(dir.path(), Person::new(&["correct horse"])).await;
    handle.set(&name("a"), SecretValue::new(VALUE)).await.unwrap();
    let good = std::fs::read(&path).unwrap();
    let cut = good[..good.len() / 2].to_vec();
    let mut changed: serde_json::Value = serde_json::from_slice(&good).unwrap();
    let sealed = changed["secrets"]["sealed"].as_str().unwrap();
    let swapped = if sealed.starts_with('A') { "B" } else { "A" };
    changed["secrets"]["sealed"] = format!("{swapped}{}", &sealed[1..]).into();
    for bad in [cut, changed.to_string().into_bytes(), Vec::new()] {
        std::fs::write(&path, &bad).unwrap();
        let error = handle.read(&name("a")).await.unwrap_err();
        assert!(matches!(error, SecretsError::Damaged(_)), "{error}");
        assert!(handle.set(&name("b"), SecretValue::new("x")).await.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), bad);
    }
    std::fs::write(dir.path().join("secrets-index.json"), "{").unwrap();
    assert!(matches!(handle.list().await, Err(SecretsError::Index(_))));
}

#[tokio::test]
async fn writers_at_the_same_time_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path(), Arc::new(NobodyToAsk)).await;
    first.unlock(SecretValue::new("correct horse")).await.unwrap();
    let second = open(dir.path(), Arc::new(NobodyToAsk)).await;
    second.unlock(SecretValue::new("correct horse")).await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..20 {
        let handle = if n % 2 == 0 { first.clone() } else { second.clone() };
        writers.spawn(async move { handle.set(&name(&format!("s{n:02}")), SecretValue::new(format!("v{n}"))).await });
    }
    while let Some(written) = writers.join_next().await {
        written.unwrap().unwrap();
    }
    assert_eq!(first.list().await.unwrap().len(), 20);
    for n in 0..20 {
        let value = first.read(&name(&format!("s{n:02}"))).await.unwrap().unwrap();
        assert_eq!(value.expose(), format!("v{n}"));
    }
}

#[tokio::test]
async fn a_lost_index_does_not_lose_the_vault() {
    let dir = tempfile::tempdir().unwrap();
    let handle = open(dir.path(), Person::new(&["correct horse"])).await;
    handle.set(&name("a"), SecretValue::new(VALUE)).await.unwrap();
    std::fs::remove_file(dir.path().join("secrets-index.json")).unwrap();
    assert_eq!(handle.read(&name("a")).await.unwrap().unwrap().expose(), VALUE);
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_and_a_place_that_is_none_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let handle = open(dir.path(), Arc::new(NobodyToAsk)).await;
    assert!(matches!(handle.unlock(SecretValue::new("short")).await, Err(SecretsError::WeakPassphrase)));
    let long = SecretValue::new("x".repeat(SECRET_BYTES_MAX + 1));
    assert!(matches!(handle.set(&name("a"), long).await, Err(SecretsError::TooLong)));
    assert!(matches!(handle.set(&name("a"), SecretValue::new("")).await, Err(SecretsError::Empty)));
    assert_eq!(state(&handle), VaultState::Absent);

    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let nowhere = open(&file.join("data"), Arc::new(NobodyToAsk)).await;
    let Backend::None { why } = nowhere.status() else { panic!("{:?}", nowhere.status()) };
    assert!(why.starts_with("no keyring: it is turned off in the settings; no vault: its folder"), "{why}");
    assert!(matches!(nowhere.set(&name("a"), SecretValue::new("x")).await, Err(SecretsError::NoBackend(_))));
}

#[tokio::test]
async fn secrets_of_the_demo_are_in_memory_only() {
    let handle = SecretsHandle::in_memory([(name("gateway-master-key"), SecretValue::new(VALUE))].into());
    assert_eq!(handle.status(), Backend::Memory);
    let port: &dyn daytwo_engine::ports::Secrets = &handle;
    assert_eq!(port.read(&name("gateway-master-key")).await.unwrap().unwrap().expose(), VALUE);
    assert!(port.read(&name("other")).await.unwrap().is_none());
    assert!(!format!("{handle:?}").contains(VALUE));
}
