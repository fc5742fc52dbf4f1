using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.Istio;

/// <summary>Reads HTTPFaultInjection.</summary>
internal static class FaultReader
{
    private static readonly string[] s_fields = ["abort", "delay"];
    private static readonly string[] s_delayFields = ["exponentialDelay", "fixedDelay", "percent", "percentage"];
    private static readonly string[] s_abortFields = ["grpcStatus", "http2Error", "httpStatus", "percentage"];

    /// <summary>By number.</summary>
    private static readonly string[] s_grpcStatuses =
    [
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
        "UNAUTHENTICATED",
    ];

    public static FaultPolicy? Read(FieldReader rule)
    {
        if (rule.Section("fault") is not { } fault)
        {
            return null;
        }

        fault.RefuseUnknown("fault", s_fields);
        if (!fault.Has("delay") && !fault.Has("abort"))
        {
            rule.Error("fault", "It has neither a delay nor an abort.");
        }

        var read = new FaultPolicy(ReadDelay(fault), ReadAbort(fault));
        return read is { Delay: null, Abort: null } ? null : read;
    }

    private static FaultDelay? ReadDelay(FieldReader fault)
    {
        if (fault.Section("delay") is not { } delay)
        {
            return null;
        }

        delay.RefuseUnknown("delay", s_delayFields);
        if (delay.Has("exponentialDelay"))
        {
            delay.Error("exponentialDelay", "Exponential delays are not supported.", "Use fixedDelay.");
            return null;
        }

        int share = Share(delay);
        if (delay.Has("percent"))
        {
            delay.Warning("percent", "The field is deprecated.", "Use percentage.");
            share = delay.Has("percentage") ? share : TrafficFields.Parts(delay.Integer("percent", 0, 100) ?? 0);
        }

        if (!delay.Has("fixedDelay"))
        {
            delay.Error("fixedDelay", "The field is required.");
        }

        return delay.Duration("fixedDelay") is { } duration ? new FaultDelay(duration, share) : null;
    }

    private static FaultAbort? ReadAbort(FieldReader fault)
    {
        if (fault.Section("abort") is not { } abort)
        {
            return null;
        }

        abort.RefuseUnknown("abort", s_abortFields);
        if (abort.Has("http2Error"))
        {
            abort.Error("http2Error", "Errors of HTTP/2 are not supported.", "Use httpStatus or grpcStatus.");
            return null;
        }

        if (abort.Has("httpStatus") == abort.Has("grpcStatus"))
        {
            abort.Error("httpStatus", "An abort has one of httpStatus and grpcStatus.");
            return null;
        }

        if (abort.Text("grpcStatus") is { } name)
        {
            int grpc = Array.IndexOf(s_grpcStatuses, name);
            if (grpc < 0)
            {
                abort.Error("grpcStatus", $"'{name}' is not a status of gRPC.", "Write such as UNAVAILABLE.");
                return null;
            }

            return new FaultAbort(HttpStatus: null, grpc, Share(abort));
        }

        return abort.Integer("httpStatus", 200, 599) is { } http ? new FaultAbort(http, GrpcStatus: null, Share(abort)) : null;
    }

    private static int Share(FieldReader section)
    {
        if (!section.Has("percentage") && !section.Has("percent"))
        {
            section.Warning("percentage", "Without a percentage no request is meant.");
        }

        return section.PartsPerMillion("percentage") ?? 0;
    }
}
