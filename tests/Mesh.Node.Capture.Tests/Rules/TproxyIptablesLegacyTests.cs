namespace Mesh.Node.Capture.Tests.Rules;

public sealed class TproxyIptablesLegacyTests() : CaptureLabTests(CaptureMode.Tproxy, CaptureBackend.IptablesLegacy);
