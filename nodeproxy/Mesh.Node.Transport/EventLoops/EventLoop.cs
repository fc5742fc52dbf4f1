using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO.Pipelines;
using Mesh.Interop.Linux;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.Connections;

namespace Mesh.Node.Transport.EventLoops;

/// <summary>One thread, one epoll set, and everything that lives on it. A connection is created on a loop and never leaves it.</summary>
/// <remarks>
/// A turn: wait → ready descriptors and deferred handlers, share by share → handed-over work → timers → turn-end flushes. It is short
/// (<see cref="EventLoopOptions.TurnLimit"/>): what it leaves is done in the next, after another look at what has become ready.
/// Everything but <see cref="Post(LoopWork)"/> and the counters marked "read by any" is for the loop's own thread.
/// An exception that escapes a callback is our bug and leaves shared state unknown: the process ends
/// (<see cref="Environment.FailFast(string)"/>).
/// </remarks>
public sealed class EventLoop : IDisposable
{
    /// <summary>Bytes of <see cref="Scratch"/>.</summary>
    public const int ScratchBytes = 64 * 1024;

    /// <summary>
    /// Continuations that may run one inside the other. Further ones wait for the next turn, whatever the stack could bear.
    /// </summary>
    internal const int InlineDepthMax = 32;

    [ThreadStatic]
    private static EventLoop? t_current;

    private readonly EventLoopOptions _options;
    private readonly EpollHandle _epoll;
    private readonly EventCounter _wake;
    private readonly Thread _thread;
    private readonly Stack<byte[]> _scratches = new(1);
    private readonly ReadyEvent[] _events;
    private readonly ConcurrentQueue<LoopWork> _posted = new();
    private readonly RegistrationTable _registrations = new();
    private readonly Queue<(IReadyHandler Handler, LoopShare Share)> _deferred = new();
    private readonly ShareOrder _order;
    private readonly long _turnTicksMax;
    private readonly List<ITurnEnd> _turnEnds = [];
    private readonly BusyMeter _busy = new(Stopwatch.GetTimestamp());

    // 1 while the loop is, or is about to be, blocked in the wait: whoever turns it to 0 owes it one wake-up.
    private int _blocked;
    private volatile bool _stopping;
    private long _turns;
    private long _busyTicks;
    private long _turnStartedMs;
    private int _inlineDepth;
    private LoopShare _share;

    private EventLoop(string name, int index, EventLoopOptions options)
    {
        _options = options;
        Index = index;
        Name = name;
        _events = new ReadyEvent[options.EventsPerWaitMax];
        _epoll = EpollHandle.Create();
        _wake = new EventCounter();
        Buffers = new BufferPool(options.PooledBytesMax);
        Pipes = new PipePool(options.PipesMax);
        Handshakes = new HandshakeGate(this, options.HandshakesMax, options.HandshakeStepsPerTurnMax);
        NowMs = Environment.TickCount64;
        Timers = new TimerWheels(NowMs);
        OwnShare = _share = new LoopShare(this);
        _turnTicksMax = (long)(options.TurnLimit.TotalSeconds * Stopwatch.Frequency);
        _order = new ShareOrder(Math.Max(_turnTicksMax / 2, 1));
        SysResult added = _epoll.Add(_wake.Handle, EpollEvents.In | EpollEvents.EdgeTriggered, RegistrationTable.WakeToken);
        if (!added.Ok)
        {
            throw new PosixException(added.Error, "epoll_ctl(eventfd)");
        }

        _thread = new Thread(Run) { Name = name, IsBackground = true };
    }

    /// <summary>The loop whose thread this is, or null.</summary>
    public static EventLoop? Current => t_current;

    /// <summary>Position among its siblings, from 0; shards of counters are kept by it.</summary>
    public int Index { get; }

    /// <summary>Thread name, as operators see it in <c>top -H</c>.</summary>
    public string Name { get; }

    /// <summary>Monotonic milliseconds, updated once a turn. Good to one turn, free to read. Loop thread.</summary>
    public long NowMs { get; private set; }

    /// <summary>Timers of this loop. Loop thread.</summary>
    public TimerWheels Timers { get; }

    /// <summary>Buffers for bytes that could not be passed on at once. Loop thread.</summary>
    public BufferPool Buffers { get; }

    /// <summary>Pipes for splicing. Loop thread; its counters may be read by any.</summary>
    public PipePool Pipes { get; }

    /// <summary>Handshakes begun and not finished. Loop thread.</summary>
    public HandshakeGate Handshakes { get; }

    /// <summary>The share of what belongs to no workload.</summary>
    public LoopShare OwnShare { get; }

    /// <summary>Resumes whoever waits for a pipe of this loop. Loop thread.</summary>
    internal PipeScheduler PipeScheduler => field ??= new LoopScheduler(this);

    /// <summary>What pipes of this loop hold their bytes in: blocks of <see cref="Buffers"/>. Loop thread.</summary>
    internal PipeBlockPool PipeBlocks => field ??= new PipeBlockPool(this);

    /// <summary>64 KiB that whoever is running may use until it returns; nothing in it survives a call to other loop code.</summary>
    public byte[] Scratch { get; } = GC.AllocateUninitializedArray<byte>(ScratchBytes, pinned: true);

    /// <summary>
    /// Lends a buffer as large as <see cref="Scratch"/> to whoever lets other loop code run while it reads what is in it. Loop thread.
    /// </summary>
    public byte[] RentScratch()
    {
        AssertOnThread();
        return _scratches.TryPop(out byte[]? free) ? free : GC.AllocateUninitializedArray<byte>(ScratchBytes, pinned: true);
    }

    /// <summary>Takes back what <see cref="RentScratch"/> lent. Loop thread.</summary>
    public void ReturnScratch(byte[] scratch)
    {
        AssertOnThread();
        _scratches.Push(scratch);
    }

    /// <summary>Connections alive on this loop. Written by the loop thread, read by any.</summary>
    public int ConnectionCount { get; internal set; }

    /// <summary>Connections accepted here and begun on another loop. Written by the loop thread, read by any.</summary>
    public long SpilledCount { get; set; }

    /// <summary>Completed turns. Written by the loop thread, read by any.</summary>
    public long Turns => Volatile.Read(ref _turns);

    /// <summary>Stopwatch ticks spent outside the wait. Written by the loop thread, read by any.</summary>
    public long BusyTicks => Volatile.Read(ref _busyTicks);

    /// <summary>
    /// The share of recent time, 100 to 200 ms, spent outside the wait: 0 for asleep, 1000 for never. Any thread; good enough to compare
    /// loops by.
    /// </summary>
    public int BusyPermille => _busy.Permille(Stopwatch.GetTimestamp(), InTurnMs);

    /// <summary>How long the turn now running has lasted, in milliseconds; 0 while the loop waits. Any thread.</summary>
    internal long InTurnMs
    {
        get
        {
            long startedMs = Volatile.Read(ref _turnStartedMs);
            return startedMs == 0 ? 0 : Environment.TickCount64 - startedMs;
        }
    }

    internal TimeSpan StuckAfter => _options.StuckAfter;

    /// <summary>Whether handed-over work waits. Read by the watchdog.</summary>
    internal bool HasPosted => !_posted.IsEmpty;

    /// <summary>Whether the caller is on this loop's thread.</summary>
    public bool IsOnThread => t_current == this;

    /// <summary>Starts a loop on a thread of its own.</summary>
    /// <exception cref="PosixException">No descriptor could be had.</exception>
    public static EventLoop Start(string name, int index, EventLoopOptions options)
    {
        var loop = new EventLoop(name, index, options);
        loop._thread.Start();
        return loop;
    }

    /// <summary>Fails a Debug build when loop-owned state is touched from another thread.</summary>
    [Conditional("DEBUG")]
    public void AssertOnThread() => Debug.Assert(IsOnThread, "This belongs to a loop; the caller is on another thread.");

    /// <summary>Hands work to the loop. Any thread; never blocks; runs in order of posting.</summary>
    public void Post(LoopWork work)
    {
        _posted.Enqueue(work);

        // The enqueue must be visible before the flag is read, or the loop could miss the work and we the loop.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _blocked) == 1 && Interlocked.Exchange(ref _blocked, 0) == 1)
        {
            _wake.Signal();
        }
    }

    /// <inheritdoc cref="Post(LoopWork)"/>
    public void Post(Action work) => Post(new DelegateWork(work));

    /// <summary>A further part of the loop's time, for one workload. Any thread.</summary>
    public LoopShare CreateShare() => new(this);

    /// <summary>Watches a descriptor, edge-triggered, for reading, writing and hang-up.</summary>
    /// <param name="share">Whose time of this loop the handler uses.</param>
    /// <param name="socket">Not yet watched.</param>
    /// <param name="handler">Is told.</param>
    /// <param name="registration">What <see cref="Unregister"/> needs.</param>
    /// <returns>Why the kernel refused, where it did.</returns>
    public SysResult Register(LoopShare share, SocketHandle socket, IReadyHandler handler, out Registration registration)
    {
        AssertOnThread();
        registration = _registrations.Add(handler, share);
        SysResult added = _epoll.Add(
            socket, EpollEvents.In | EpollEvents.Out | EpollEvents.RdHup | EpollEvents.EdgeTriggered, registration.Token);
        if (!added.Ok)
        {
            _registrations.Remove(registration);
            registration = default;
        }

        return added;
    }

    /// <summary>
    /// Forgets a descriptor that nobody else holds and that is closed next: the kernel stops watching it by itself then, for one system
    /// call less. Events that come until that happens are dropped.
    /// </summary>
    public void Forget(Registration registration)
    {
        AssertOnThread();
        _registrations.Remove(registration);
    }

    /// <summary>Stops watching. Call it before the descriptor is closed; events already fetched for it are dropped.</summary>
    public void Unregister(SocketHandle socket, Registration registration)
    {
        AssertOnThread();
        if (_registrations.Remove(registration))
        {
            _epoll.Remove(socket);
        }
    }

    /// <summary>
    /// Calls the handler once, in the next turn at the earliest, within the share that runs now: how a connection that used up its budget
    /// yields to the others.
    /// </summary>
    public void RunNextTurn(IReadyHandler handler)
    {
        AssertOnThread();
        _deferred.Enqueue((handler, _share));
    }

    /// <summary>
    /// The same within the loop's own share: for what serves several pods, and is not to wait in the line of the one that asked for it.
    /// </summary>
    public void RunNextTurnForAll(IReadyHandler handler)
    {
        AssertOnThread();
        _deferred.Enqueue((handler, OwnShare));
    }

    /// <summary>Calls the item when this turn's events are done. The caller sees to it that it asks once a turn.</summary>
    public void RunAtTurnEnd(ITurnEnd item)
    {
        AssertOnThread();
        _turnEnds.Add(item);
    }

    /// <summary>Whether one more continuation may run inside the present one; if so, <see cref="LeaveInline"/> follows it.</summary>
    internal bool TryEnterInline()
    {
        if (_inlineDepth >= InlineDepthMax)
        {
            return false;
        }

        _inlineDepth++;
        return true;
    }

    internal void LeaveInline() => _inlineDepth--;

    /// <summary>Ends the thread after the current turn. For tests and the end of the process; connections must be gone.</summary>
    public void Dispose()
    {
        _stopping = true;
        Post(static () => { });
        if (!IsOnThread)
        {
            _thread.Join();
        }
    }

    private void Run()
    {
        t_current = this;
        try
        {
            while (!_stopping)
            {
                RunTurn();
            }
        }
        catch (Exception fault)
        {
            // Half-done work on shared state cannot be trusted; a proxy that limps on would be worse than one that restarts.
            Environment.FailFast($"Event loop {Name} failed: {fault}", fault);
        }

        Pipes.Close();
        _wake.Dispose();
        _epoll.Dispose();
    }

    private void RunTurn()
    {
        int ready = _epoll.Wait(_events, WaitMs());
        Volatile.Write(ref _blocked, 0);
        long startedTicks = Stopwatch.GetTimestamp();
        NowMs = Environment.TickCount64;
        Volatile.Write(ref _turnStartedMs, NowMs);

        NoteReady(ready);
        PutDeferredInLine();
        RunShares(startedTicks);
        RunPosted();
        Timers.Advance(NowMs);
        RunTurnEnds();

        long endedTicks = Stopwatch.GetTimestamp();
        Volatile.Write(ref _busyTicks, _busyTicks + (endedTicks - startedTicks));
        _busy.OnTurnEnd(endedTicks, _busyTicks);
        Volatile.Write(ref _turns, _turns + 1);
        Volatile.Write(ref _turnStartedMs, 0);
    }

    private int WaitMs()
    {
        if (_deferred.Count > 0 || !_order.IsEmpty)
        {
            return 0;
        }

        // Announce the wait before the last look at the queue: a poster that comes later sees the flag and wakes us.
        Interlocked.Exchange(ref _blocked, 1);
        return _posted.IsEmpty ? Timers.WaitMs(Environment.TickCount64) : 0;
    }

    private void NoteReady(int ready)
    {
        for (int i = 0; i < ready; i++)
        {
            ReadyEvent item = _events[i];
            if (item.Token == RegistrationTable.WakeToken)
            {
                _wake.Drain();
            }
            else if (_registrations.Note(item.Token, item.Events) is LoopShare share)
            {
                share.AddReady(item.Token);
                _order.Enter(share);
            }
        }
    }

    /// <summary>What was deferred in earlier turns is due; whoever defers again from here on waits for the next turn.</summary>
    private void PutDeferredInLine()
    {
        while (_deferred.TryDequeue(out (IReadyHandler Handler, LoopShare Share) item))
        {
            item.Share.AddDeferred(item.Handler);
            _order.Enter(item.Share);
        }
    }

    private void RunShares(long nowTicks)
    {
        long endTicks = nowTicks + _turnTicksMax;
        while (nowTicks < endTicks && _order.Next() is LoopShare share)
        {
            _share = share;
            IReadyHandler? handler = share.Take(out ulong token);
            EpollEvents events = EpollEvents.None;

            // Null when the descriptor was closed since.
            (handler ?? _registrations.Take(token, out events))?.OnReady(events);
            long endedTicks = Stopwatch.GetTimestamp();
            _order.Charge(share, endedTicks - nowTicks);
            nowTicks = endedTicks;
        }

        _share = OwnShare;
    }

    private void RunPosted()
    {
        long endTicks = Stopwatch.GetTimestamp() + _turnTicksMax;
        for (int i = 0; i < _options.PostedWorkPerTurnMax && _posted.TryDequeue(out LoopWork? work); i++)
        {
            work.Run();
            if (Stopwatch.GetTimestamp() >= endTicks)
            {
                break;
            }
        }
    }

    private void RunTurnEnds()
    {
        // By index: a flush may make another connection ask for its own.
        for (int i = 0; i < _turnEnds.Count; i++)
        {
            _turnEnds[i].OnTurnEnd();
        }

        _turnEnds.Clear();
    }
}
