namespace Mesh.Node.Capture.Tests.Rules;

public sealed class RedirectIptablesLegacyTests() : CaptureLabTests(CaptureMode.Redirect, CaptureBackend.IptablesLegacy);
