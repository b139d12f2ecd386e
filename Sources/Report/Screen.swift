import Foundation

/// Standard output and standard error, written whole lines at a time.
public enum Screen {
    /// Whether somebody watches.
    public static var outputIsTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
    /// Whether somebody watches the error stream.
    public static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Writes to the output stream.
    public static func output(_ text: String) { write(text, to: .standardOutput) }
    /// Writes to the error stream.
    public static func error(_ text: String) { write(text, to: .standardError) }

    /// A reader that has gone away (`antipode list | head -1`) is no error of ours.
    private static func write(_ text: String, to handle: FileHandle) {
        try? handle.write(contentsOf: Data(text.utf8))
    }
}
