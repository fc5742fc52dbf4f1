namespace Mesh.Node.Capture.Tests.Rules;

public sealed class RedirectIptablesNftTests() : CaptureLabTests(CaptureMode.Redirect, CaptureBackend.IptablesNft);
