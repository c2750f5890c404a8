//! The transport against a real OpenSSH server. Each test names the promise that it keeps.
#![cfg(unix)]

#[cfg(test)]
mod access;
#[cfg(test)]
mod attached;
#[cfg(test)]
mod drive;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod kept;
#[cfg(test)]
mod output;
#[cfg(test)]
mod places;
#[cfg(test)]
mod seen;
#[cfg(test)]
mod shells;
#[cfg(test)]
mod sshd;
#[cfg(test)]
mod sweep;
#[cfg(test)]
mod switch;
