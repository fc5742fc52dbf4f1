using Mesh.Node.Model.Traffic;
using Mesh.Node.Proxy.Origination;
using Mesh.Node.Transport.EventLoops;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Origination;

/// <summary>
/// Goal: whoever asks for a context hears of it, whatever is forgotten meanwhile, and in time where there is none. Method: contexts that
/// are forgotten as soon as they may be, and contexts that nobody makes.
/// </summary>
public sealed class OriginationContextsTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_forever = TimeSpan.FromHours(1);
    private static readonly TlsOrigination s_rule = new() { SkipsVerification = true };

    private readonly EventLoopGroup _loops = EventLoopGroup.Start(2, new EventLoopOptions());
    private readonly OriginationContexts _contexts = new(new OriginationFiles("/nowhere"), unusedMaxMs: 0);

    public void Dispose()
    {
        _contexts.Dispose();
        _loops.Dispose();
    }

    [Fact]
    public async Task Nothing_is_forgotten_that_somebody_waits_for()
    {
        for (int i = 0; i < 3; i++)
        {
            OriginationContext[] told = await Task.WhenAll(_loops.Loops.Select(loop => AskAsync(new OriginationWait(loop), loop)));
            Assert.All(told, context => Assert.NotNull(context.Context));

            // What nobody waits for is forgotten, and is made anew.
            await Eventually.TrueAsync(() => _contexts.Find(s_rule, OriginationUse.Http1) is null, s_patience);
        }
    }

    [Fact]
    public async Task A_wait_for_what_nobody_makes_ends_in_time()
    {
        _contexts.Dispose();
        OriginationContext late = await AskAsync(new OriginationWait(_loops.Loops[0]), _loops.Loops[0], TimeSpan.FromMilliseconds(50));
        Assert.Null(late.Context);
        Assert.Equal("What the rule says of TLS could not be read in time.", late.Fault);
    }

    [Fact]
    public async Task A_wait_that_is_given_up_ends_at_once()
    {
        _contexts.Dispose();
        var wait = new OriginationWait(_loops.Loops[0]);
        Task<OriginationContext> asked = AskAsync(wait, _loops.Loops[0]);
        _loops.Loops[0].Post(wait.Cancel);
        Assert.Equal("The connection was given up.", (await asked).Fault);
    }

    private Task<OriginationContext> AskAsync(OriginationWait wait, EventLoop loop, TimeSpan? limit = null)
    {
        var answered = new TaskCompletionSource<OriginationContext>(TaskCreationOptions.RunContinuationsAsynchronously);
        loop.Post(() => _ = AnswerAsync());
        return answered.Task.WaitAsync(s_patience, TestContext.Current.CancellationToken);

        async Task AnswerAsync() => answered.SetResult(
            await _contexts.WaitAsync(s_rule, OriginationUse.Http1, wait, limit ?? s_forever));
    }
}
