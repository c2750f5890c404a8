//! What a test that is wrong says.
