namespace Mesh.Node.Capture.Tests.Rules;

public sealed class TproxyNftTests() : CaptureLabTests(CaptureMode.Tproxy, CaptureBackend.Nft);
