using Mesh.Api.Identity;
using Mesh.Node.Proxy.Identity;
using Mesh.Node.Proxy.Tests.ControlPlane;

namespace Mesh.Node.Proxy.Tests.Identity;

/// <summary>An authority whose answers the test gives: each request waits until it is answered, unless told to answer by itself.</summary>
internal sealed class FakeAuthority(TimeProvider time) : ICertificateAuthority, IDisposable
{
    private readonly Lock _gate = new();
    private readonly List<PendingRequest> _pending = [];

    public TestAuthority Root { get; set; } = new();

    public TimeSpan Lifetime { get; set; } = TimeSpan.FromHours(24);

    /// <summary>Answers without waiting for the test.</summary>
    public bool AnswersAlone { get; set; }

    /// <summary>Requests made so far.</summary>
    public int Requests { get; private set; }

    /// <summary>Requests that wait for the test.</summary>
    public int Pending
    {
        get
        {
            lock (_gate)
            {
                return _pending.Count;
            }
        }
    }

    public Task<IReadOnlyList<string>> IssueAsync(SpiffeId identity, string requestPem, CancellationToken cancellation)
    {
        var request = new PendingRequest(identity, requestPem, this);
        lock (_gate)
        {
            Requests++;
            if (AnswersAlone)
            {
                request.Grant();
            }
            else
            {
                _pending.Add(request);
            }
        }

        return request.Answer.Task.WaitAsync(cancellation);
    }

    /// <summary>Takes the oldest request that waits.</summary>
    public async Task<PendingRequest> NextAsync()
    {
        await TestTime.UntilAsync(() => Pending > 0, "a request to the authority");
        lock (_gate)
        {
            PendingRequest next = _pending[0];
            _pending.RemoveAt(0);
            return next;
        }
    }

    public IReadOnlyList<string> Sign(string requestPem, string uri)
    {
        DateTimeOffset now = time.GetUtcNow();
        return [Root.Sign(requestPem, uri, now.AddMinutes(-1), now + Lifetime), Root.RootPem];
    }

    public void Dispose() => Root.Dispose();

    internal sealed class PendingRequest(SpiffeId identity, string requestPem, FakeAuthority owner)
    {
        public SpiffeId Identity => identity;

        public string RequestPem => requestPem;

        public TaskCompletionSource<IReadOnlyList<string>> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Grant() => Answer.SetResult(owner.Sign(requestPem, identity.ToString()));

        public void Give(params string[] answer) => Answer.SetResult(answer);

        public void Refuse(string reason = "no") => Answer.SetException(new CertificateRefusedException(reason));
    }
}
