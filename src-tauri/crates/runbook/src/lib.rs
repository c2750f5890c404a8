//! The runbook language: text to runbook to plan; templates, lint. Pure.
