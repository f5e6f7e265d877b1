import ClusterFile
import Execution
import FailoverCore
import Hooks
import Rendering

/// A file as it has to lie on a node.
struct DesiredFile: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        case program
        case passwords
        /// A running server reads it again.
        case configuration
    }

    var kind: Kind
    var path: String
    var mode: UInt32
    var contents: [UInt8]

    func isInPlace(_ found: Survey.File?) -> Bool {
        found?.mode == String(mode, radix: 8) && found?.hash == SHA256.hex(contents)
    }
}

/// What is missing on one node.
struct NodeWork: Sendable {
    var node: NodeSettings
    var survey: Survey
    var folders: [String]
    /// All that has to lie there.
    var files: [DesiredFile]
    var uploads: [DesiredFile]
    /// There is no node.conf yet: it is made, locked and sealed. Not beside a server that is adopted while
    /// it runs: it gets one when it is opened, or stopped.
    var isUnsealed: Bool

    /// What the node has accepted once its files are placed. A term of the scheduler's is kept: sealing
    /// only puts a lost file back.
    var stampWhenPlaced: Stamp {
        let old = survey.stamp ?? Stamp(term: Term(0), step: Revision(0))
        return isUnsealed && old.term == Term(0) ? old.next : old
    }

    /// A docker node's container is made, and not started.
    var isWithoutContainer: Bool { node.docker != nil && survey.container?.state == nil }

    var isNothing: Bool {
        folders.isEmpty && uploads.isEmpty && !isUnsealed && !isWithoutContainer
    }

    /// A line for each step.
    var steps: [DeployProgress] {
        folders.map { DeployProgress(node: node.id, "make the folder \($0)") }
            + uploads.map { DeployProgress(node: node.id, "write \($0.path)") }
            + (isUnsealed
                ? [DeployProgress(node: node.id, "lock and seal it (\(nodePath))")] : [])
            + (isWithoutContainer
                ? [DeployProgress(node: node.id, "make its container, without starting it")] : [])
    }

    private var nodePath: String { NodeFiles.nodePath(of: node) }
}

extension Deployment {
    /// Every file of ours on a node; node.conf and open.conf are node-apply's.
    func files(
        for node: NodeSettings, _ passwords: Passwords
    ) throws(DeploymentError) -> [DesiredFile] {
        var files: [DesiredFile] = []
        do {
            let programs = NodePrograms(settings: settings, sharedHooks: share.hooks)
            files += try programs.files(for: node).map {
                DesiredFile(
                    kind: .program, path: $0.path, mode: $0.mode, contents: $0.contents)
            }
        } catch {
            throw DeploymentError(
                .files, error.subject, because: error.because, next: error.next)
        }
        files.append(
            DesiredFile(
                kind: .passwords, path: NodeFiles.passfile(of: node), mode: 0o600,
                contents: Array(
                    try passwords.file(settings, roles: [settings.postgresql.replicationRole]).utf8)
            ))
        do {
            let templates = TemplateFolder(for: settings, shippedIn: share)
            files += try Renderer(settings: settings, templates: templates).files(for: node.id)
                .map {
                    DesiredFile(
                        kind: .configuration, path: $0.path, mode: UInt32($0.mode),
                        contents: Array($0.contents.utf8))
                }
        } catch {
            throw DeploymentError(
                .files, "cannot render \(error.subject)", because: error.because,
                next: error.next)
        }
        return files
    }

    func work(
        on node: NodeSettings, _ survey: Survey, files: [DesiredFile]
    ) -> NodeWork {
        let missing = ["config", "state", "runtime"].filter { survey.places[$0]?.exists != true }
        let paths = [
            "config": node.configDirectory, "state": node.stateDirectory,
            "runtime": node.runtimeDirectory,
        ]
        // Also where node.conf has outlived the state: data without a stamp would count as another's.
        let isSealed =
            survey.files[files.count] != nil && (survey.stamp != nil || !survey.dataIsEmpty)
        let uploads = files.indices.filter { !files[$0].isInPlace(survey.files[$0]) }
        return NodeWork(
            node: node, survey: survey, folders: missing.compactMap { paths[$0] },
            files: files, uploads: uploads.map { files[$0] },
            isUnsealed: !isSealed && !survey.runsOnItsOwn)
    }
}
