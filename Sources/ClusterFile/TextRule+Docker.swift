/// What Docker takes as a name: it would refuse the rest on the machine, too late.
extension TextRule {
    func dockerNameComplaint(_ text: String) -> (String, String)? {
        let hint = "write letters, digits, `_`, `.` and `-`, a letter or digit first"
        guard let first = text.utf8.first, Self.isAlphanumeric(first), text.utf8.count <= 128,
            text.utf8.allSatisfy({ Self.isAlphanumeric($0) || "_.-".utf8.contains($0) })
        else { return ("other names are refused", hint) }
        return nil
    }

    func imageComplaint(_ text: String) -> (String, String)? {
        let known = text.utf8.allSatisfy { Self.isAlphanumeric($0) || "_.-/:@".utf8.contains($0) }
        guard known, let first = text.utf8.first, Self.isAlphanumeric(first) else {
            return ("that is none", "write for example `postgres:15.14`")
        }
        if text.contains("@sha256:") { return nil }
        // A colon before the last slash is a registry's port.
        let name = text.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
        guard let colon = name.firstIndex(of: ":") else {
            return ("it has no tag", "a tag such as `postgres:15.14` keeps the version")
        }
        let tag = name[name.index(after: colon)...]
        return tag.isEmpty || tag == "latest"
            ? ("its tag is not fixed", "a tag such as `postgres:15.14` keeps the version") : nil
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}
