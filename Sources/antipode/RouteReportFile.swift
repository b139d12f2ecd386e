import Foundation

/// Files that `route` writes.
enum RouteReportFile {
    /// Finds out before long work whether its result will have a place.
    ///
    /// - Throws: `FileError` if there is no folder for the file, or if it is a folder itself.
    static func check(_ path: String) throws {
        var isFolder: ObjCBool = false
        let files = FileManager.default
        if files.fileExists(atPath: path, isDirectory: &isFolder) {
            if isFolder.boolValue { throw FileError(description: "\(path): is a folder, not a file") }
            if !files.isWritableFile(atPath: path) { throw FileError(description: "\(path): cannot be written") }
        } else {
            try checkFolder(URL(fileURLWithPath: path).deletingLastPathComponent().relativePath, for: path)
        }
    }

    /// - Throws: `FileError` if there is no such folder, or no file can be made in it.
    static func checkFolder(_ folder: String, for path: String) throws {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder)
        guard exists, isFolder.boolValue else {
            throw FileError(description: "\(path): cannot be written, there is no folder \(folder)")
        }
        guard FileManager.default.isWritableFile(atPath: folder) else {
            throw FileError(description: "\(path): cannot be written, the folder is not writable")
        }
    }

    /// - Throws: `FileError` if it cannot be written.
    static func write(_ text: String, to path: String) throws {
        let url = URL(fileURLWithPath: path)
        let type = try? FileManager.default.attributesOfItem(atPath: path)[.type] as? FileAttributeType
        do {
            if type == nil || type == .typeRegular {
                try Data(text.utf8).write(to: url, options: .atomic)
            } else {
                // A device, a pipe or a link such as /dev/stdout is written to, and not replaced by a file.
                let handle = try FileHandle(forWritingTo: url)
                try handle.write(contentsOf: Data(text.utf8))
                try handle.close()
            }
        } catch {
            throw FileError(description: "\(path): cannot be written")
        }
    }
}
