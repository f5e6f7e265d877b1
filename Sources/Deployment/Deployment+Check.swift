import ClusterFile
import Execution
import FailoverCore

extension Deployment {
    /// Looks at every node, all at once, and changes nothing. `systemIdentifier` is the cluster's,
    /// when the store knows it: data of another one is refused.
    public func check(systemIdentifier: String? = nil) async -> [CheckResult] {
        do throws(DeploymentError) {
            return results(of: try await surveys(), systemIdentifier)
        } catch {
            return [
                CheckResult(
                    nil, "installation", .failed, found: "\(error.subject): \(error.because)",
                    next: error.next)
            ]
        }
    }

    func results(of surveys: [NodeSurvey], _ systemIdentifier: String?) -> [CheckResult] {
        surveys.flatMap { survey in
            switch survey.outcome {
            case .success(let found):
                [reached(survey.node)]
                    + NodeChecks(
                        settings: settings, node: survey.node, survey: found,
                        systemIdentifier: systemIdentifier, adopting: adopting
                    ).results
            case .failure(let error):
                [
                    CheckResult(
                        survey.node.id, way, .failed,
                        found: "\(error.subject): \(error.because)", next: error.next)
                ]
            }
        } + together(surveys)
    }

    private var way: String { settings.execution == .ssh ? "ssh" : "local" }

    private func reached(_ node: NodeSettings) -> CheckResult {
        CheckResult(node.id, way, found: "\(runner(node).place) runs commands")
    }

    /// What no node can see alone.
    private func together(_ surveys: [NodeSurvey]) -> [CheckResult] {
        let identifiers = surveys.compactMap { node -> (NodeID, String)? in
            node.survey?.systemIdentifier.map { (node.node.id, $0) }
        }
        guard let (first, wanted) = identifiers.first,
            let (other, found) = identifiers.first(where: { $0.1 != wanted })
        else { return [] }
        return [
            CheckResult(
                nil, "system_identifier", .failed,
                found: "\(first) is the database system \(wanted), \(other) is \(found)",
                next: "name an empty or missing folder as data_dir of the one that is not yours")
        ]
    }
}
