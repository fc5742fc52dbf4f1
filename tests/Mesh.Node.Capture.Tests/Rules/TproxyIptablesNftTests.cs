namespace Mesh.Node.Capture.Tests.Rules;

public sealed class TproxyIptablesNftTests() : CaptureLabTests(CaptureMode.Tproxy, CaptureBackend.IptablesNft);
