namespace Mesh.Node.Capture.Tests.Rules;

public sealed class RedirectNftTests() : CaptureLabTests(CaptureMode.Redirect, CaptureBackend.Nft);
