using Mesh.Node.Model.Policies.Tokens;
using Mesh.Node.Protocols.Tokens;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Authentication;

/// <summary>
/// One token to be verified for a request, and what became of it. Filled and read on its loop; the worker has it in between. Used again.
/// </summary>
internal sealed class TokenJob(EventLoop loop) : LoopWork
{
    private readonly LoopCompletion<bool> _done = new(loop);
    private byte[] _text = [];
    private int _bytes;
    private TokenRule? _rule;

    /// <summary>What was accepted; null with a fault.</summary>
    public VerifiedToken? Token { get; private set; }

    /// <summary>Why it was not.</summary>
    public TokenFault Fault { get; private set; }

    /// <summary>Waits for the worker. False, at once, when it has too much to do.</summary>
    public ValueTask<bool> VerifyAsync(TokenWorker worker, ReadOnlySpan<byte> text, TokenRule rule)
    {
        if (_text.Length < text.Length)
        {
            _text = new byte[text.Length];
        }

        text.CopyTo(_text);
        _bytes = text.Length;
        _rule = rule;
        Token = null;
        ValueTask<bool> done = _done.WaitAsync();
        if (!worker.TryAdd(this))
        {
            _done.TryComplete(false);
        }

        return done;
    }

    /// <summary>The worker's part.</summary>
    public void Verify(double nowSeconds)
    {
        try
        {
            Token = TokenVerification.Verify(_text.AsMemory(0, _bytes), _rule!, nowSeconds, out TokenFault fault);
            Fault = fault;
        }
#pragma warning disable CA1031 // A key or a token that a library stumbles over is refused, and the thread serves the others.
        catch (Exception)
#pragma warning restore CA1031
        {
            Token = null;
            Fault = TokenFault.BadSignature;
        }

        loop.Post(this);
    }

    /// <inheritdoc/>
    public override void Run()
    {
        // A token is a secret: it is not kept longer than needed.
        _text.AsSpan(0, _bytes).Clear();
        _rule = null;
        _done.TryComplete(true);
    }
}
