//! Opening: what is refused, and that refusing changes nothing.

use daytwo_store::{DATABASE_FILE, Error, Options, Store};
use sqlx::Connection;

use crate::kit::{around, open};

#[tokio::test]
async fn a_newer_schema_is_refused_and_stays_untouched() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).await.close().await;
    let mut connection = around(dir.path()).await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (4711, 'from the future', 1, x'00', 0)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
    let file = dir.path().join(DATABASE_FILE);
    let before = std::fs::read(&file).unwrap();

    let error = Store::open(dir.path(), Options::default()).await.unwrap_err();
    assert!(matches!(error, Error::Newer { found: 4711, known: 2, .. }), "{error}");
    assert!(std::fs::read(&file).unwrap() == before, "the file was changed");
}

#[tokio::test]
async fn a_damaged_file_is_named_with_what_to_do_and_never_overwritten() {
    for damage in ["no database at all", "a torn page"] {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(DATABASE_FILE);
        if damage == "a torn page" {
            open(dir.path()).await.close().await;
            let mut content = std::fs::read(&file).unwrap();
            // Behind the header, over the schema.
            content[100..4096].fill(0xff);
            std::fs::write(&file, content).unwrap();
        } else {
            std::fs::write(&file, "these are not the bytes of a database ".repeat(300)).unwrap();
        }
        let before = std::fs::read(&file).unwrap();

        let error = Store::open(dir.path(), Options::default()).await.unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{damage}: {error:?}");
        let text = error.to_string();
        assert!(text.contains(&file.display().to_string()) && text.contains("Restore it from a backup"), "{text}");
        assert!(std::fs::read(&file).unwrap() == before, "{damage}: the file was changed");
    }
}

#[tokio::test]
async fn another_programs_database_is_refused_and_stays_untouched() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(DATABASE_FILE), b"").unwrap();
    let mut connection = around(dir.path()).await;
    sqlx::query("CREATE TABLE bookmarks (url TEXT)").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let before = std::fs::read(dir.path().join(DATABASE_FILE)).unwrap();

    let error = Store::open(dir.path(), Options::default()).await.unwrap_err();
    assert!(matches!(error, Error::Foreign { .. }), "{error}");
    assert!(std::fs::read(dir.path().join(DATABASE_FILE)).unwrap() == before);
}

#[tokio::test]
async fn many_that_open_a_new_folder_at_one_time_all_succeed() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("new").join("folder");
    let opened = futures::future::join_all((0..8).map(|_| Store::open(&folder, Options::default()))).await;
    for store in opened {
        store.unwrap().close().await;
    }
}

#[cfg(unix)]
#[tokio::test]
async fn only_this_user_may_read_the_history() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("history");
    let store = open(&folder).await;
    store.set_setting("theme", Some(&"dark")).await.unwrap();
    let rights = |path: std::path::PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(rights(folder.clone()), 0o700);
    for file in [DATABASE_FILE.to_owned(), format!("{DATABASE_FILE}-wal"), format!("{DATABASE_FILE}-shm")] {
        assert_eq!(rights(folder.join(&file)), 0o600, "{file}");
    }
}
