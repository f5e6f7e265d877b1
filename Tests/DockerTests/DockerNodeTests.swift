import Testing

@testable import ToolkitTesting

/// Nodes that are containers of a real engine.
@Suite(
    "Docker nodes", .serialized, .engine,
    .enabled(if: DockerEngine.obstacle == nil, "SKIPPED: \(DockerEngine.obstacle ?? "")"))
struct DockerNodeTests {}
