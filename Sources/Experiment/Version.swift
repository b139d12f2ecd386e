/// The version of the program, as `--version` prints it and each run records it.
///
/// Runs of different versions are never continued by one another: a model may have changed between them.
public let antipodeVersion = "0.1.0"
