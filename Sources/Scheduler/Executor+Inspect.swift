import ClusterFile
import Execution
import FailoverCore
import Hooks

extension Executor {
    /// Looks at a node from outside PostgreSQL; changes nothing.
    func inspect(_ link: NodeLink) async throws(Ended) -> FailoverCore.NodeInspection {
        let command = Command(
            [link.node.stateDirectory + "/bin/inspect"], timeout: .seconds(5),
            outputLimitBytes: 256 * 1024)
        let result: CommandResult
        do {
            result = try await link.runner.run(command)
        } catch {
            throw .failed("\(error.subject): \(error.because)")
        }
        guard result.isSuccess, let seen = InspectReport(output: result.output) else {
            throw .failed("inspect ended with \(result.ending): \(tail(result.errorOutput))")
        }
        return FailoverCore.NodeInspection(seen)
    }
}

extension FailoverCore.NodeInspection {
    init(_ seen: InspectReport) {
        let timeline = seen.control.map { max($0.timeline, seen.walTimeline ?? $0.timeline) }
        let history =
            timeline.flatMap { timeline in
                seen.histories.first { $0.timeline == timeline }
                    ?? (timeline == TimelineID(1) ? TimelineHistory(timeline: timeline) : nil)
            }
        self.init(
            bootID: seen.bootID, stamp: seen.stamp,
            isPostmasterRunning: seen.postmaster != .stopped, hasOrphans: seen.mayHaveOrphans,
            dataDirectory: .init(seen.dataDirectory), marker: .init(seen.marker),
            systemIdentifier: seen.control?.systemIdentifier, controlState: seen.control?.state,
            checkpoint: seen.control?.checkpoint,
            minRecoveryEnd: seen.control.flatMap {
                $0.minRecoveryTimeline == timeline ? $0.minRecoveryEnd : nil
            },
            timeline: timeline, history: history,
            hasStandbySignal: seen.hasStandbySignal,
            canRewind: seen.control.map { $0.hasChecksums || $0.hasHintLogging } ?? false)
    }
}

extension FailoverCore.NodeInspection.DataDirectory {
    fileprivate init(_ seen: InspectReport.DataDirectory) {
        self =
            switch seen {
            case .missing: .missing
            case .empty: .empty
            case .foreign: .foreign
            case .pgdata: .present
            }
    }
}

extension FailoverCore.NodeInspection.Marker {
    fileprivate init(_ seen: InspectReport.Marker) {
        self =
            switch seen {
            case .none: .none
            case .rewinding: .rewinding
            case .cloning: .cloning
            }
    }
}
