import ArgumentParser
import ClusterFile
import Deployment
import Execution
import FailoverCore
import HookKit
import Import
import Rendering
import Scheduler
import Store

/// How every command ends. Scripts and monitoring rely on these numbers.
enum ExitStatus {
    /// It failed, and says what was changed.
    static let failed = ExitCode(1)
    /// `state` and `check`: the cluster is not as it should be.
    static let degraded = ExitCode(2)
    /// A promise of the protocol forbids it.
    static let refused = ExitCode(3)
    /// Not finished in time; what goes on is named.
    static let unfinished = ExitCode(4)
    /// ArgumentParser's own.
    static let usage = ExitCode(64)
    /// The scheduler or its store can't be reached.
    static let unreachable = ExitCode(69)
    /// A bug of ours.
    static let bug = ExitCode(70)
    /// Another scheduler or operation is at work.
    static let busy = ExitCode(75)
    /// `cluster.yaml`, or a file to import, is invalid.
    static let configuration = ExitCode(78)
}

/// What is printed when a command fails, and the status that it ends with.
struct Failure: Error {
    var status: ExitCode
    /// What could not be done; `because`; `next`.
    var text: String

    init(_ status: ExitCode, _ subject: String, because: String, next: String) {
        self.status = status
        text = "\(subject)\n  because \(because)\n  next: \(next)"
    }

    init(_ status: ExitCode, text: String) {
        self.status = status
        self.text = text
    }
}

extension Failure {
    /// Nil for what ArgumentParser prints itself: wrong usage, help, the version.
    init?(_ error: any Error) {
        switch error {
        case let failure as Failure: self = failure
        case let error as ClusterFileError:
            self.init(ExitStatus.configuration, text: error.description)
        case let error as ImportError:
            self.init(ExitStatus.configuration, text: error.description)
        case let error as SchedulerError:
            self.init(Self.status(of: error.code), text: error.description)
        case let error as StoreError:
            self.init(Self.status(of: error.code), text: error.description)
        case let error as DeploymentError:
            self.init(Self.status(of: error.code), text: error.description)
        case let error as Refusal: self.init(ExitStatus.refused, text: error.description)
        case let error as RenderError: self.init(ExitStatus.failed, text: error.description)
        case let error as ExecutionError: self.init(ExitStatus.failed, text: error.description)
        case let error as TrialError: self.init(ExitStatus.failed, text: error.description)
        case let error as ShareFolderError:
            self.init(ExitStatus.failed, text: error.description)
        case is CancellationError:
            self.init(
                ExitStatus.failed, "stopped", because: "it was told to end",
                next: "look at `toolkit state`")
        default: return nil
        }
    }

    private static func status(of code: SchedulerError.Code) -> ExitCode {
        switch code {
        case .busy: ExitStatus.busy
        case .notUnderstood: ExitStatus.failed
        case .configuration: ExitStatus.configuration
        case .unreachable, .notDeployed, .socket, .store: ExitStatus.unreachable
        }
    }

    private static func status(of code: StoreError.Code) -> ExitCode {
        switch code {
        case .locked, .movedOn: ExitStatus.busy
        case .refused: ExitStatus.bug
        case .missing, .unreachable, .full, .corrupted, .newer, .older: ExitStatus.unreachable
        }
    }

    private static func status(of code: DeploymentError.Code) -> ExitCode {
        switch code {
        case .storeMissing: ExitStatus.unreachable
        case .refused, .files, .passwords, .node: ExitStatus.failed
        }
    }
}
