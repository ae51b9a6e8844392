//! Mail: messages from templates, sent by the worker.
