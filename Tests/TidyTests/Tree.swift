import Foundation

/// The files that are checked: everything under version control that is text, found from this file's own place.
struct Tree {
    struct Text {
        let path: String
        let lines: [String]
    }

    static let root = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        .deletingLastPathComponent()
        .deletingLastPathComponent()

    private static let folders = ["Sources", "Tests", "Benchmarks", "docs", "scenarios"]
    private static let swiftFolders: Set<String> = ["Sources", "Tests", "Benchmarks"]
    private static let extensions: Set<String> = [
        "swift", "md", "yaml", "yml", "json", "h", "cpp", "sql", "conf", "txt",
    ]
    /// Files without a telling extension.
    private static let plainFiles: Set<String> = [
        "Makefile", "LICENSE", "NOTICE", "run", "compare", "engines", "instructions", "scaling", ".swift-format",
        ".gitignore",
    ]
    /// Broken on purpose, for tests that read them.
    private static let exempt = "Fixtures"

    let texts: [Text]
    let sources: [SourceFile]
    let house: House

    /// Reads the tree once for all tests.
    static let shared = Result { try Tree() }

    private init() throws {
        var paths = try Self.list("").filter { !$0.contains("/") } + Self.list(".ci")
        for folder in Self.folders { paths += try Self.list(folder) }
        var texts: [Text] = []
        var sources: [SourceFile] = []
        for path in paths.sorted() {
            let text = try String(contentsOf: Self.root.appending(path: path), encoding: .utf8)
            texts.append(Text(path: path, lines: text.components(separatedBy: "\n")))
            let top = path.split(separator: "/").first.map(String.init) ?? ""
            let isSwift = Self.swiftFolders.contains(top) && path.hasSuffix(".swift")
            if isSwift || path == "Package.swift" { sources.append(SourceFile(path: path, text: text)) }
        }
        self.texts = texts
        self.sources = sources
        house = House(
            manifest: try String(contentsOf: Self.root.appending(path: "Package.swift"), encoding: .utf8))
    }

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appending(path: path).path)
    }

    /// Text files below a folder of the root, relative to the root; only the root's own files for "".
    private static func list(_ folder: String) throws -> [String] {
        let place = folder.isEmpty ? root.path : root.appending(path: folder).path
        guard FileManager.default.fileExists(atPath: place) else { return [] }
        let names =
            folder.isEmpty
            ? try FileManager.default.contentsOfDirectory(atPath: place)
            : try FileManager.default.subpathsOfDirectory(atPath: place)
        return names.map { folder.isEmpty ? $0 : folder + "/" + $0 }.filter { path in
            let parts = path.split(separator: "/")
            guard let name = parts.last.map(String.init), !parts.contains(Substring(exempt)) else { return false }
            if parts.contains(where: { $0.hasPrefix(".build") }) { return false }
            let suffix = name.split(separator: ".").last.map(String.init) ?? ""
            return isFile(path) && (plainFiles.contains(name) || name.contains(".") && extensions.contains(suffix))
        }
    }

    private static func isFile(_ path: String) -> Bool {
        var isDirectory: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: root.appending(path: path).path, isDirectory: &isDirectory)
        return exists && !isDirectory.boolValue
    }
}
