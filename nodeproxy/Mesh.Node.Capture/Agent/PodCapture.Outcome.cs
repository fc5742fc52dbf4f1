namespace Mesh.Node.Capture.Agent;

/// <content>What those wait for who hold a pod back until it is captured.</content>
internal sealed partial class PodCapture
{
    // Written by RunAsync, read by any thread.
    private volatile PodOutcome? _outcome;
    private volatile int _turn;
    private volatile TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Written by others: its processes are gone and its network goes, so nothing is left to finish.
    private volatile bool _isEnding;

    /// <summary>What the last turn has come to; null before the first. Any thread.</summary>
    public PodOutcome? Outcome => _outcome;

    /// <summary>Done with the next change of <see cref="Outcome"/>. To be taken before that is looked at. Any thread.</summary>
    public Task NextOutcome => _next.Task;

    /// <summary>The pod leaves at once: nothing runs in it any more. Any thread.</summary>
    public void End()
    {
        _isEnding = true;
        Want(null);
    }

    /// <summary>The rules are to be read back now. Any thread.</summary>
    /// <returns>The turn that will have seen what is there now: an <see cref="Outcome"/> of it or a later one tells.</returns>
    public int RequestVerification()
    {
        int due = _turn + 1;
        _isVerificationDue = true;
        _wake.Set();
        return due;
    }

    private void SayServed(bool isServed, IReadOnlyList<string> problems) =>
        Say(new PodOutcome(_turn, _spec.NetworkNamespace, _network?.Id, isServed, isServed ? [] : problems));

    private void SayWrong(string reason) => Say(new PodOutcome(_turn, _spec.NetworkNamespace, null, IsServed: false, [reason]));

    private void Say(PodOutcome outcome)
    {
        _outcome = outcome;
        TaskCompletionSource told = _next;
        _next = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        told.SetResult();
    }
}
