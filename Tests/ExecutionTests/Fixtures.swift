import Execution
import Glibc
import Testing
import ToolkitTesting

/// A private sshd for one test, gone at its end, also when the test throws.
func withSSHD<Value>(
    _ options: ThrowawaySSHD.Options = ThrowawaySSHD.Options(),
    _ body: (ThrowawaySSHD) async throws -> Value
) async throws -> Value {
    let sshd = try await ThrowawaySSHD.start(options)
    do {
        let value = try await body(sshd)
        await sshd.stop()
        return value
    } catch {
        await sshd.stop()
        throw error
    }
}

func options(_ change: (inout ThrowawaySSHD.Options) -> Void) -> ThrowawaySSHD.Options {
    var options = ThrowawaySSHD.Options()
    change(&options)
    return options
}

/// The same for the runner of this machine and for one over SSH.
func withBothRunners(_ body: (any CommandRunner) async throws -> Void) async throws {
    try await body(LocalRunner())
    try await withSSHD { sshd in
        let runner = SSHRunner(sshd.target)
        try await body(runner)
        await runner.close()
    }
}

extension CommandRunner {
    func shell(
        _ script: String, _ arguments: String..., input: [UInt8] = [],
        environment: [String: String] = [:], timeout: Duration = .seconds(20),
        limit: Int = 64 * 1024
    ) async throws -> CommandResult {
        try await run(
            Command(
                ["sh", "-c", script, "sh"] + arguments, environment: environment,
                standardInput: input, timeout: timeout, outputLimitBytes: limit))
    }
}

/// The error that the body throws.
func executionError(_ body: () async throws -> Void) async -> ExecutionError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? ExecutionError
    }
}

/// Gone, or a zombie that nobody has collected.
func isDead(_ process: pid_t) -> Bool {
    guard let file = fopen("/proc/\(process)/stat", "r") else { return true }
    defer { fclose(file) }
    var buffer = [UInt8](repeating: 0, count: 512)
    let count = fread(&buffer, 1, buffer.count, file)
    return String(decoding: buffer[..<count], as: UTF8.self).contains(") Z ")
}

/// A folder below /tmp for one test.
func withFolder<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    var template = Array("/tmp/exec-XXXXXX".utf8CString)
    let made = try #require(mkdtemp(&template))
    let folder = String(cString: made)
    func remove() async { _ = try? await LocalRunner().shell("rm -rf -- \"$1\"", folder) }
    do {
        let value = try await body(folder)
        await remove()
        return value
    } catch {
        await remove()
        throw error
    }
}
