namespace Mesh.Fuzz.Oracles;

/// <content>What is known of one stream.</content>
internal sealed partial class SlowHttp2Peer
{
    private sealed class Stream(int id, bool isLocal, long sendWindow, long receiveWindow)
    {
        public int Id => id;

        public bool IsLocal => isLocal;

        public bool IsOpen { get; set; } = true;

        public string Ending { get; set; } = "";

        public long Send { get; set; } = sendWindow;

        public long Receive { get; set; } = receiveWindow;

        public long WindowBytes { get; set; } = receiveWindow;

        public long Returned { get; set; }

        public long Unconsumed { get; set; }

        public long ContentLeft { get; set; } = -1;

        public int Informational { get; set; }

        public bool HeadReceived { get; set; }

        public bool HeadSent { get; set; }

        public bool IsConnect { get; set; }

        public bool IsHead { get; set; }

        public bool IsTunnel { get; set; }

        public bool PeerEnded { get; set; }

        public bool WeEnded { get; set; }

        public bool IsFinished => PeerEnded && WeEnded;
    }
}
