using System.Globalization;
using System.Runtime.InteropServices;
using Mesh.Api.Identity;
using Mesh.Control.Hosting;
using Mesh.Control.Serving.Authentication;
using Mesh.Control.Serving.Ca;
using Mesh.Control.Serving.State;

namespace Mesh.Control.Commands;

/// <summary>Finds the command in the arguments and runs it. Exit codes: 0 done, 1 could not be done, 2 not understood.</summary>
internal static class CommandLine
{
    private const int Done = 0;
    private const int Failed = 1;
    private const int NotUnderstood = 2;

    private const string Usage = """
        mesh-control --config DIR --state DIR [options]      serve configuration and certificates
        mesh-control --kubernetes --state DIR [options]      the same, from the API server of Kubernetes
          --kubeconfig FILE         how to reach it; default as a pod of it
          --context NAME            which context of FILE; default its current one
          --node-account NS/NAME    whose pods are proxies; any number, default mesh-node/mesh-node-proxy
          --token-audience NAME     whom their tokens are for; default istio-ca
          --write true|false        whether to share the state with other replicas, one of which writes; default false
          --own-namespace NAME      of the replicas' Lease and Secret; default mesh-node
          --root-bundle NAME        ConfigMap of each namespace for the roots; default mesh-node-root-cert, '' for none
          --webhook ADDR:PORT       validates objects before they are written; default nowhere
          --listen ADDR:PORT        for proxies; default [::]:15012
          --admin ADDR:PORT         readiness and diagnosis; default 127.0.0.1:15014
          --trust-domain NAME       default cluster.local
          --cluster NAME            default Kubernetes
          --cluster-domain NAME     suffix of service names; default cluster.local
          --network NAME            default network of workloads; default none
          --root-namespace NAME     namespace of mesh-wide policies; default istio-system
          --excluded-namespace NAME a further namespace whose pods are never captured; any number
          --await-capture true|false  whether pods are reached by HBONE only once agents say that they are captured; default false
          --recursive true|false    whether directories below DIR count; default true
          --allow-empty true|false  whether a DIR without any object is served as an empty mesh; default false
          --svid-ttl DURATION       longest life of a workload certificate; default 24h
          --server-name NAME        a further name or address to serve as; any number
          --ca-cert FILE --ca-key FILE --ca-roots FILE
                                    an authority of your own instead of a generated root
          --otlp-endpoint URL       send metrics there (or OTEL_EXPORTER_OTLP_ENDPOINT)
          --log-level debug|info|warn|error   --log-format text|json

        mesh-control token create --state DIR --node NAME [--replace]   prints the node's join token, once
        mesh-control token list   --state DIR
        mesh-control token revoke --state DIR --node NAME | --id ID

        mesh-control ca rotate --state DIR [--overlap DURATION]
        mesh-control ca revoke --state DIR --identity SPIFFE-ID | --node NAME | --serial HEX
        """;

    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter errors, TimeProvider time)
    {
        using var stopping = new CancellationTokenSource();
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => Stop(signal, stopping));
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => Stop(signal, stopping));
        try
        {
            return await RunCommandAsync(args, output, errors, time, stopping.Token);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return Done;
        }
        catch (Exception exception) when (exception
            is StateFormatException or IOException or UnauthorizedAccessException or ArgumentException or InvalidOperationException)
        {
            // What is wrong is said in the words of the command line, not of the code behind it.
            string message = exception is ArgumentException { ParamName: string parameter }
                ? exception.Message.Replace($" (Parameter '{parameter}')", "", StringComparison.Ordinal)
                : exception.Message;
            await errors.WriteLineAsync($"mesh-control: {message}");
            return Failed;
        }
    }

    private static async Task<int> RunCommandAsync(
        string[] args, TextWriter output, TextWriter errors, TimeProvider time, CancellationToken cancellation)
    {
        switch (args)
        {
            case ["--help" or "-h" or "help", ..]:
                await output.WriteLineAsync(Usage);
                return Done;
            case ["--version"]:
                await output.WriteLineAsync($"mesh-control {typeof(CommandLine).Assembly.GetName().Version?.ToString(3)}");
                return Done;
            case ["token", "create", .. string[] rest]:
                return await CreateTokenAsync(Arguments.Of(rest, "--replace"), output, errors, time, cancellation);
            case ["token", "list", .. string[] rest]:
                return await ListTokensAsync(Arguments.Of(rest), output, errors, time);
            case ["token", "revoke", .. string[] rest]:
                return await RevokeTokenAsync(Arguments.Of(rest), output, errors, time, cancellation);
            case ["ca", "rotate", .. string[] rest]:
                return await RotateAsync(Arguments.Of(rest), output, errors, time, cancellation);
            case ["ca", "revoke", .. string[] rest]:
                return await RevokeCertificatesAsync(Arguments.Of(rest), output, errors, time, cancellation);
            case [var first, ..] when !first.StartsWith("--", StringComparison.Ordinal):
                await errors.WriteLineAsync($"mesh-control: '{string.Join(' ', args.Take(2))}' is not a command.\n\n{Usage}");
                return NotUnderstood;
            default:
                return await ServeAsync(Arguments.Of(args, "--kubernetes"), errors, time, cancellation);
        }
    }

    private static async Task<int> ServeAsync(Arguments arguments, TextWriter errors, TimeProvider time, CancellationToken cancellation)
    {
        (ServeOptions? options, IReadOnlyList<string> problems) = ServeOptions.Read(arguments);
        if (options is null)
        {
            return await RefuseAsync(problems, errors);
        }

        await using ControlPlane controlPlane = await ControlPlane.StartAsync(options, time, cancellation);
        await controlPlane.WaitAsync(cancellation);
        return Done;
    }

    private static async Task<int> CreateTokenAsync(
        Arguments arguments, TextWriter output, TextWriter errors, TimeProvider time, CancellationToken cancellation)
    {
        string directory = arguments.TakeRequired("--state");
        string node = arguments.TakeRequired("--node");
        bool replace = arguments.TakeFlag("--replace");
        if (arguments.Problems is { Count: > 0 } problems)
        {
            return await RefuseAsync(problems, errors);
        }

        await output.WriteLineAsync(
            await JoinTokenFile.CreateAsync(new StateDirectory(directory, time), node, replace, time.GetUtcNow(), cancellation));
        return Done;
    }

    private static async Task<int> ListTokensAsync(Arguments arguments, TextWriter output, TextWriter errors, TimeProvider time)
    {
        string directory = arguments.TakeRequired("--state");
        if (arguments.Problems is { Count: > 0 } problems)
        {
            return await RefuseAsync(problems, errors);
        }

        IReadOnlyList<JoinTokenRecord> records = JoinTokenFile.Read(Existing(directory, time));
        foreach (JoinTokenRecord record in records.OrderBy(record => record.Node, StringComparer.Ordinal))
        {
            string state = record.RevokedAt is { } revokedAt
                ? string.Create(CultureInfo.InvariantCulture, $"revoked {revokedAt:u}")
                : "active";
            await output.WriteLineAsync(
                string.Create(CultureInfo.InvariantCulture, $"{record.Id}  {record.Node}  created {record.CreatedAt:u}  {state}"));
        }

        return Done;
    }

    private static async Task<int> RevokeTokenAsync(
        Arguments arguments, TextWriter output, TextWriter errors, TimeProvider time, CancellationToken cancellation)
    {
        string directory = arguments.TakeRequired("--state");
        string? node = arguments.Take("--node");
        string? id = arguments.Take("--id");
        if ((node is null) == (id is null))
        {
            arguments.AddProblem("One of --node and --id is needed.");
        }

        if (arguments.Problems is { Count: > 0 } problems)
        {
            return await RefuseAsync(problems, errors);
        }

        JoinTokenRecord? revoked = await JoinTokenFile.RevokeAsync(
            Existing(directory, time), (node ?? id)!, time.GetUtcNow(), cancellation);
        if (revoked is null)
        {
            await errors.WriteLineAsync($"mesh-control: There is no token in force for '{node ?? id}'.");
            return Failed;
        }

        await output.WriteLineAsync(
            $"Revoked {revoked.Id} of {revoked.Node}. Its certificates stay valid: see 'ca revoke --node {revoked.Node}'.");
        return Done;
    }

    private static async Task<int> RotateAsync(
        Arguments arguments, TextWriter output, TextWriter errors, TimeProvider time, CancellationToken cancellation)
    {
        string directory = arguments.TakeRequired("--state");
        TimeSpan overlap = arguments.TakeDuration("--overlap", TimeSpan.Zero, TimeSpan.FromDays(90)) ?? TimeSpan.FromHours(24);
        if (arguments.Problems is { Count: > 0 } problems)
        {
            return await RefuseAsync(problems, errors);
        }

        AuthorityRecord incoming = await OwnAuthorities.BeginRotationAsync(
            Existing(directory, time), overlap, time.GetUtcNow(), cancellation);
        await output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"Root {incoming.KeyId} is trusted from now on and signs from {incoming.ActiveFrom:u}, once every proxy has confirmed it."));
        return Done;
    }

    private static async Task<int> RevokeCertificatesAsync(
        Arguments arguments, TextWriter output, TextWriter errors, TimeProvider time, CancellationToken cancellation)
    {
        string directory = arguments.TakeRequired("--state");
        string? identity = arguments.Take("--identity");
        string? node = arguments.Take("--node");
        string? serial = arguments.Take("--serial")?.TrimStart('0').ToLowerInvariant();
        if (new[] { identity, node, serial }.Count(text => text is not null) != 1)
        {
            arguments.AddProblem("One of --identity, --node and --serial is needed.");
        }

        if (identity is not null && !SpiffeId.TryParse(identity, out _))
        {
            arguments.AddProblem(
                $"--identity: '{identity}' is not of the form spiffe://<trust domain>/ns/<namespace>/sa/<service account>.");
        }

        if (arguments.Problems is { Count: > 0 } problems)
        {
            return await RefuseAsync(problems, errors);
        }

        IReadOnlyList<IssuedRecord> revoked = await Revocations.RevokeAsync(
            Existing(directory, time),
            record => record.Identity == identity || record.Node == node || record.Serial == serial,
            time.GetUtcNow(),
            cancellation);
        foreach (IssuedRecord record in revoked)
        {
            await output.WriteLineAsync($"Revoked {record.Serial} of {record.Identity} on {record.Node}.");
        }

        if (revoked.Count == 0)
        {
            await errors.WriteLineAsync("mesh-control: No valid certificate matches.");
            return Failed;
        }

        return Done;
    }

    /// <summary>A state directory to work in. One that is made up by a slip of the pen holds nothing, and would be said to.</summary>
    private static StateDirectory Existing(string directory, TimeProvider time) => Directory.Exists(directory)
        ? new StateDirectory(directory, time)
        : throw new DirectoryNotFoundException($"{directory} does not exist.");

    private static async Task<int> RefuseAsync(IReadOnlyList<string> problems, TextWriter errors)
    {
        foreach (string problem in problems)
        {
            await errors.WriteLineAsync($"mesh-control: {problem}");
        }

        await errors.WriteLineAsync("Try 'mesh-control --help'.");
        return NotUnderstood;
    }

    private static void Stop(PosixSignalContext signal, CancellationTokenSource stopping)
    {
        signal.Cancel = true;
        stopping.Cancel();
    }
}
