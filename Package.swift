// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let argumentParser = Target.Dependency.product(
    name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(
    _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []
) -> Target {
    .testTarget(
        name: name + "Tests", dependencies: dependencies, path: "Tests/\(name)Tests",
        exclude: exclude, swiftSettings: strict)
}

let benchmark = Target.executableTarget(
    name: "CoreBenchmark", dependencies: ["FailoverCore"], path: "Benchmarks/CoreBenchmark",
    swiftSettings: strict)

// The arrows of docs/architecture.md; Tests/TidyTests holds the `import` lines against them.
let toolkit = Package(
    name: "pg-failover-toolkit",
    products: [.executable(name: "toolkit", targets: ["Toolkit"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    ],
    targets: [
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(
            name: "CLibSSH2", pkgConfig: "libssh2", providers: [.apt(["libssh2-1-dev"])]),
        .target(name: "CLinux"),
        module("FailoverCore"),
        module("Reactor", ["CLinux", heap]),
        module("PostgresClient", ["CLibPQ", "Reactor"]),
        module("Execution", ["CLibSSH2", "Reactor", subprocess, systemPackage]),
        module("ClusterFile", ["FailoverCore", yams]),
        module("Quotation", ["Execution"]),
        module("Rendering", ["FailoverCore", "ClusterFile", "Execution", "Quotation"]),
        module("Hooks", ["FailoverCore", "ClusterFile", "Execution", "Quotation"]),
        module("HookKit", ["FailoverCore", "ClusterFile", "Execution", "Hooks"]),
        module("Store", ["FailoverCore", grdb]),
        module(
            "Scheduler",
            [
                "FailoverCore", "Reactor", "PostgresClient", "Execution", "ClusterFile",
                "Quotation", "Rendering", "Hooks", "Store", logging,
            ]),
        module(
            "Deployment",
            [
                "FailoverCore", "ClusterFile", "Quotation", "Rendering", "Hooks", "Execution",
                "PostgresClient",
            ]),
        module("Import", ["ClusterFile", "Execution"]),
        module(
            "Demo",
            [
                "Deployment", "Scheduler", "FailoverCore", "Store", "ClusterFile", "Rendering",
                "Hooks", "Execution", "PostgresClient",
            ]),
        module(
            "ToolkitTesting",
            ["CLinux", "FailoverCore", "ClusterFile", "Execution", "PostgresClient", "Reactor"]),
        .executableTarget(
            name: "Toolkit",
            dependencies: [
                "Demo", "Import", "Deployment", "Scheduler", "Store", "HookKit", "Hooks",
                "Quotation", "Rendering", "ClusterFile", "Execution", "PostgresClient",
                "FailoverCore",
                argumentParser, logging,
            ],
            swiftSettings: strict),
        benchmark,
        tests("FailoverCore", ["FailoverCore"]),
        tests("Simulation", ["FailoverCore", "ToolkitTesting"]),
        tests("PostgresClient", ["PostgresClient", "Reactor", "ToolkitTesting"]),
        tests("PostgresFacts", ["PostgresClient", "ToolkitTesting"]),
        tests("Execution", ["Execution", "Reactor", "ToolkitTesting"]),
        tests("ClusterFile", ["ClusterFile", "FailoverCore", "ToolkitTesting"]),
        tests("Quotation", ["Quotation", "Execution", "PostgresClient", "ToolkitTesting"]),
        tests(
            "Rendering",
            [
                "Rendering", "Quotation", "FailoverCore", "ClusterFile", "Execution",
                "PostgresClient",
                "ToolkitTesting", yams,
            ],
            exclude: ["Golden"]),
        tests(
            "Hooks",
            [
                "Hooks", "FailoverCore", "ClusterFile", "Execution", "PostgresClient",
                "ToolkitTesting",
            ]),
        tests(
            "HookKit",
            ["HookKit", "Hooks", "FailoverCore", "ClusterFile", "Execution", "ToolkitTesting"]),
        tests("Store", ["Store", "FailoverCore", "ToolkitTesting"]),
        tests(
            "Scheduler",
            [
                "Scheduler", "FailoverCore", "ClusterFile", "Store", "Rendering", "Hooks",
                "Execution", "PostgresClient", "Deployment", "ToolkitTesting", logging,
            ]),
        tests(
            "Deployment",
            [
                "Deployment", "FailoverCore", "ClusterFile", "Rendering", "Execution",
                "PostgresClient", "ToolkitTesting",
            ]),
        tests(
            "Import", ["Import", "ClusterFile", "FailoverCore"],
            exclude: ["Golden", "Inputs"]),
        tests(
            "Toolkit",
            [
                "Toolkit", "Scheduler", "Store", "ClusterFile", "PostgresClient", "FailoverCore",
                "Deployment", "Execution", "ToolkitTesting",
            ]),
        tests(
            "Crash",
            [
                "Toolkit", "Demo", "Scheduler", "Store", "FailoverCore", "ClusterFile",
                "Execution", "PostgresClient", "ToolkitTesting",
            ]),
        tests(
            "Lab",
            [
                "Toolkit", "Scheduler", "Store", "FailoverCore", "Execution", "PostgresClient",
                "CLinux", "ToolkitTesting",
            ],
            exclude: ["vm.sh"]),
        tests(
            "Fresh", ["Toolkit", "Execution", "ToolkitTesting"],
            exclude: [
                "boot.sh", "machine.sh", "machines.sh", "package.sh", "power.sh", "sweep.sh",
                "tree.sh",
            ]),
        tests(
            "Docker",
            [
                "Toolkit", "Demo", "Deployment", "Scheduler", "Hooks", "Rendering", "ClusterFile",
                "Execution", "FailoverCore", "PostgresClient", "ToolkitTesting",
            ],
            exclude: ["image.sh"]),
        tests("Tidy", ["Execution"]),
    ],
    swiftLanguageModes: [.v6]
)

// The simulator's build: the core, its model of the world and nothing else, so that it is built with
// optimisation in seconds. Only here the core carries the mutants that the simulator must catch.
let withMutants = strict + [SwiftSetting.define("TOOLKIT_MUTANTS")]
let simulation = Package(
    name: "pg-failover-toolkit",
    targets: [
        .target(name: "FailoverCore", swiftSettings: withMutants),
        .target(
            name: "ToolkitTesting", dependencies: ["FailoverCore"], sources: ["Simulation"],
            swiftSettings: withMutants),
        .testTarget(
            name: "SimulationTests", dependencies: ["FailoverCore", "ToolkitTesting"],
            swiftSettings: withMutants),
    ],
    swiftLanguageModes: [.v6]
)

// The core as it is shipped, without mutants, its tests and its benchmark.
let core = Package(
    name: "pg-failover-toolkit",
    targets: [module("FailoverCore"), benchmark, tests("FailoverCore", ["FailoverCore"])],
    swiftLanguageModes: [.v6]
)

// SwiftPM takes the package that is made last.
let isWanted = { Context.environment[$0] != nil }
let wanted =
    isWanted("TOOLKIT_SIMULATION") ? simulation : isWanted("TOOLKIT_CORE") ? core : toolkit
let package = Package(
    name: wanted.name, products: wanted.products, dependencies: wanted.dependencies,
    targets: wanted.targets, swiftLanguageModes: wanted.swiftLanguageModes)
