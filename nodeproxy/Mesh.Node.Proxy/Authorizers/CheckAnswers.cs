using System.Text;
using Mesh.Api.Authorization;
using Mesh.Node.Model.Policies.Authorizers;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Http.Exchanges;
using Mesh.Node.Proxy.Telemetry.Requests;

namespace Mesh.Node.Proxy.Authorizers;

/// <summary>Reads what an authorizer has answered, and does what it says.</summary>
internal static class CheckAnswers
{
    private const int GrpcOk = 0;
    private const int StatusMin = 200;
    private const int StatusMax = 599;
    private const int DeniedStatus = 403;
    private const int FieldNameBytesMax = 256;
    private const int FieldValueBytesMax = 16 * 1024;

    /// <summary>Fields that say who is asked or where a message ends, and those only proxies may write.</summary>
    private static readonly string[] s_ownFields =
    [
        "host", "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade", "expect",
        "x-forwarded-client-cert",
    ];

    /// <summary>Reads an answer over HTTP.</summary>
    /// <param name="authorizer">Who answered.</param>
    /// <param name="client">Who has the answer.</param>
    /// <param name="request">Changed as the answer says, when it allows.</param>
    /// <param name="answerFields">Gets what the client is to be told beside the application's answer.</param>
    public static CheckOutcome ReadHttp(Authorizer authorizer, CheckClient client, RequestHead request, HeaderList answerFields)
    {
        ResponseHead answer = client.Answer;
        switch (answer.Status)
        {
            case 200:
                Remove(answer.Fields, request.Fields);
                for (int i = 0; i < answer.Fields.Count; i++)
                {
                    HeaderField field = answer.Fields[i];
                    if (!MayBeSet(field.Name, field.Value))
                    {
                        continue;
                    }

                    if (authorizer.UpstreamFields.Contains(field.Name))
                    {
                        request.Fields.Set(field.Name, field.Value);
                    }

                    if (authorizer.AllowedAnswerFields.Contains(field.Name))
                    {
                        answerFields.Add(field.Name, field.Value);
                    }
                }

                return CheckOutcome.Allowed;
            case >= 500 or < StatusMin:
                return CheckOutcome.Failed;
            default:
                var fields = new HeaderList();
                for (int i = 0; i < answer.Fields.Count; i++)
                {
                    HeaderField field = answer.Fields[i];
                    if (MayBeSet(field.Name, field.Value) && IsForDenied(authorizer, field.Name))
                    {
                        fields.Add(field.Name, field.Value);
                    }
                }

                return Denied(answer.Status, fields, client.IsAnswerCut ? [] : client.AnswerContent.WrittenSpan.ToArray());
        }
    }

    /// <summary>Reads an answer over gRPC.</summary>
    /// <param name="client">Who has the answer.</param>
    /// <param name="request">Changed as the answer says, when it allows.</param>
    /// <param name="answerFields">Gets what the client is to be told beside the application's answer.</param>
    public static CheckOutcome ReadGrpc(CheckClient client, RequestHead request, HeaderList answerFields)
    {
        bool isWhole = client.Answer.Status == 200 && !client.IsAnswerCut
            && (client.AnswerTrailers.TryGet("grpc-status"u8, out ReadOnlySpan<byte> status)
                || client.Answer.Fields.TryGet("grpc-status"u8, out status))
            && status.SequenceEqual("0"u8);
        if (!isWhole || GrpcCheck.TryRead(client.AnswerContent.WrittenSpan) is not CheckResponse answer)
        {
            return CheckOutcome.Failed;
        }

        if ((answer.Status?.Code ?? GrpcOk) != GrpcOk)
        {
            DeniedHttpResponse denied = answer.DeniedResponse ?? new DeniedHttpResponse();
            var fields = new HeaderList();
            foreach (HeaderValueOption option in denied.Headers)
            {
                // All of a name: an answer may set several cookies.
                (byte[] name, byte[] value) = Read(option);
                if (MayBeSet(name, value))
                {
                    fields.Add(name, value);
                }
            }

            int code = denied.Status?.Code ?? DeniedStatus;
            return Denied(code is >= StatusMin and <= StatusMax ? code : DeniedStatus, fields, Encoding.UTF8.GetBytes(denied.Body));
        }

        if (answer.OkResponse is OkHttpResponse allowed)
        {
            foreach (string name in allowed.HeadersToRemove)
            {
                RemoveOne(Encoding.ASCII.GetBytes(name.ToLowerInvariant()), request.Fields);
            }

            Change(allowed.Headers, request.Fields);
            Change(allowed.ResponseHeadersToAdd, answerFields);
        }

        return CheckOutcome.Allowed;
    }

    private static CheckOutcome Denied(int status, HeaderList fields, byte[] content) =>
        new(CheckResult.Denied, LocalAnswer.DeniedByAuthorizer(status, fields, status is 204 or 304 ? [] : content));

    /// <summary>The field by which an authorizer over HTTP has fields of the request taken out.</summary>
    private static void Remove(HeaderList answer, HeaderList request)
    {
        for (int i = 0; i < answer.Count; i++)
        {
            if (!answer[i].Name.SequenceEqual("x-envoy-auth-headers-to-remove"u8))
            {
                continue;
            }

            ReadOnlySpan<byte> names = answer[i].Value;
            foreach (Range range in names.Split((byte)','))
            {
                RemoveOne(Encoding.ASCII.GetBytes(Encoding.ASCII.GetString(names[range]).Trim().ToLowerInvariant()), request);
            }
        }
    }

    private static void RemoveOne(ReadOnlySpan<byte> name, HeaderList fields)
    {
        if (!IsOwn(name))
        {
            fields.Remove(name);
        }
    }

    private static void Change(IEnumerable<HeaderValueOption> options, HeaderList fields)
    {
        foreach (HeaderValueOption option in options)
        {
            (byte[] name, byte[] value) = Read(option);
            if (!MayBeSet(name, value))
            {
                continue;
            }

            bool isThere = fields.IndexOf(name) >= 0;
            if (option.Append == true)
            {
                fields.Add(name, value);
            }
            else if (!(isThere && option.AppendAction == HeaderValueOption.Types.AppendAction.AddIfAbsent)
                && !(!isThere && option.AppendAction == HeaderValueOption.Types.AppendAction.OverwriteIfExists))
            {
                fields.Set(name, value);
            }
        }
    }

    /// <summary>A field without the spaces around its value, which are none of it.</summary>
    private static (byte[] Name, byte[] Value) Read(HeaderValueOption option)
    {
        byte[] name = Encoding.UTF8.GetBytes((option.Header?.Key ?? "").ToLowerInvariant());
        byte[] value = option.Header is not { } header ? []
            : header.RawValue.IsEmpty ? Encoding.UTF8.GetBytes(header.Value)
            : header.RawValue.ToByteArray();
        return (name, FieldRules.Trim(value).ToArray());
    }

    private static bool IsForDenied(Authorizer authorizer, ReadOnlySpan<byte> name) =>
        authorizer.DeniedAnswerFields is not FieldNames names || names.Contains(name)
        || name.SequenceEqual("www-authenticate"u8) || name.SequenceEqual("location"u8) || name.SequenceEqual("content-type"u8);

    /// <summary>A field as HTTP has them, and none that is the proxy's own to write.</summary>
    private static bool MayBeSet(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) =>
        name.Length <= FieldNameBytesMax && FieldRules.IsLowerToken(name)
        && value.Length <= FieldValueBytesMax && FieldRules.IsValue(value) && !IsOwn(name);

    private static bool IsOwn(ReadOnlySpan<byte> name)
    {
        foreach (string own in s_ownFields)
        {
            if (Ascii.Equals(name, own))
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>What came of asking an authorizer.</summary>
/// <param name="Result">What it says.</param>
/// <param name="Refusal">The answer to a request that is not let in; null for one that is.</param>
internal readonly record struct CheckOutcome(CheckResult Result, LocalAnswer? Refusal)
{
    public static CheckOutcome Allowed => new(CheckResult.Allowed, null);

    public static CheckOutcome Failed => new(CheckResult.Failed, null);
}
