import ClusterFile
import Execution

/// The engine, the image and the container of a docker node.
extension NodeChecks {
    /// Empty for a native node; nil when Docker can't be asked, or there is no image: then nothing is
    /// known of what lies in the container.
    var docker: [CheckResult]? {
        guard let docker = node.docker else { return [] }
        guard let container = survey.container, let engine = container.engine else { return nil }
        guard container.hasImage else { return nil }
        return [result("docker", .ok, "Docker \(engine)"), imageTools, made(docker, container)]
    }

    /// Why `docker` is nil.
    var dockerIsMissing: CheckResult {
        let image = ShellWord.quote(node.docker?.image ?? "")
        guard let container = survey.container, container.engine != nil else {
            return result(
                "docker", .failed, survey.container?.complaint ?? "Docker does not answer",
                "install docker.io there and start it; as root: usermod -aG docker "
                    + ShellWord.quote(survey.user))
        }
        return result(
            "image", .failed, "the image \(image) is not on the machine",
            "docker pull \(image) there, or docker load it")
    }

    private var imageTools: CheckResult {
        let missing = survey.container?.missingTools ?? []
        guard missing.isEmpty else {
            return result(
                "image", .failed, "the image lacks \(missing.joined(separator: ", "))",
                "take one with coreutils, util-linux, findutils and diffutils, such as postgres of "
                    + "Debian")
        }
        return result("image", .ok, node.docker?.image ?? "")
    }

    private func made(
        _ docker: DockerSettings, _ container: Survey.Container
    ) -> CheckResult {
        guard container.hasNetwork else {
            let network = ShellWord.quote(docker.network)
            return result(
                "container", .failed, "Docker has no network \(network)",
                "docker network create \(network) there")
        }
        guard let state = container.state else {
            return result("container", .ok, "\(docker.container): to be made")
        }
        guard ["no", ""].contains(container.restart) else {
            return result(
                "container", .warning,
                "\(docker.container) is restarted by Docker (\(container.restart)), locked",
                "docker update --restart no \(docker.container)")
        }
        guard container.isAsRendered else {
            return result(
                "container", .warning,
                "\(docker.container) was not made by the docker-run.sh that is rendered now",
                "run \(node.configDirectory)/docker-run.sh there, the primary last: it restarts "
                    + "PostgreSQL")
        }
        return result("container", .ok, "\(docker.container): \(state)")
    }
}
