using System.Text;
using Mesh.Node.Model.Policies.Authorizers;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Proxy.Authorizers;

/// <summary>Asks an authorizer over HTTP: the head of the request, with some of its fields.</summary>
internal static class HttpCheck
{
    /// <summary>Writes the question's head.</summary>
    /// <param name="authorizer">Who is asked.</param>
    /// <param name="hostname">The authorizer's, for a request that names no host.</param>
    /// <param name="request">What it is asked about, as the application would read it.</param>
    /// <param name="content">The content it is told; empty for none.</param>
    /// <param name="isPartial">There is more content than it is told.</param>
    /// <param name="question">Replaced.</param>
    /// <returns>False for a request that nobody can be asked about so: a tunnel.</returns>
    public static bool TryWrite(
        Authorizer authorizer, string hostname, RequestHead request, ReadOnlyMemory<byte> content, bool isPartial, RequestHead question)
    {
        if (request.IsConnect)
        {
            return false;
        }

        question.Clear();
        question.Protocol = HttpProtocol.Http11;
        question.Method = request.Method;
        question.Scheme = "http"u8;
        question.Authority = request.Authority.IsEmpty ? Encoding.ASCII.GetBytes(hostname) : request.Authority;
        question.Path = PathOf(authorizer, request);
        question.IsPersistent = true;
        question.Body = BodyFraming.OfLength(content.Length);
        for (int i = 0; i < request.Fields.Count; i++)
        {
            HeaderField field = request.Fields[i];
            if ((field.Name.SequenceEqual("authorization"u8) || authorizer.RequestFields.Contains(field.Name))
                && !IsAdded(authorizer, field.Name))
            {
                question.Fields.Add(field.Name, field.Value, field.NeverIndex);
            }
        }

        foreach (Model.Routing.HeaderField added in authorizer.AddedFields)
        {
            question.Fields.Add(added.Name.Bytes, added.ValueBytes);
        }

        if (authorizer.Content is not null)
        {
            question.Fields.Set("x-envoy-auth-partial-body"u8, isPartial ? "true"u8 : "false"u8);
        }

        return true;
    }

    private static byte[] PathOf(Authorizer authorizer, RequestHead request)
    {
        ReadOnlySpan<byte> path = request.Path.SequenceEqual("*"u8) ? "/"u8 : request.Path;
        byte[] whole = new byte[authorizer.PathPrefix.Length + path.Length];
        int bytes = Encoding.ASCII.GetBytes(authorizer.PathPrefix, whole);
        path.CopyTo(whole.AsSpan(bytes));
        return whole;
    }

    private static bool IsAdded(Authorizer authorizer, ReadOnlySpan<byte> name)
    {
        foreach (Model.Routing.HeaderField added in authorizer.AddedFields)
        {
            if (added.Name.Bytes.SequenceEqual(name))
            {
                return true;
            }
        }

        return false;
    }
}
