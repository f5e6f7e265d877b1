// ToolkitTesting
