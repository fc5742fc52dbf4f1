using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Mesh.Node.Proxy.Admin;

/// <summary>What one port answers: paths, the methods they take, and a 404 that lists them.</summary>
internal abstract class Pages
{
    private readonly SortedDictionary<string, Page> _pages = new(StringComparer.Ordinal);

    /// <summary>A page: what it is for, and what answers for each method.</summary>
    protected sealed record Page(string Title, Func<HttpContext, Task> Get, Func<HttpContext, Task>? Post = null);

    /// <summary>Answers a request.</summary>
    public async Task AnswerAsync(HttpContext context)
    {
        if (!IsHostAllowed(context.Request.Host.Host))
        {
            await TextAsync(context, StatusCodes.Status403Forbidden, "This host name is not served here: use the address.\n");
            return;
        }

        string path = context.Request.Path.Value ?? "/";
        if (!_pages.TryGetValue(path, out Page? page))
        {
            await TextAsync(context, StatusCodes.Status404NotFound, $"There is no such page. There are:\n{Index()}");
            return;
        }

        string method = context.Request.Method;
        Func<HttpContext, Task>? answer = HttpMethods.IsGet(method) || HttpMethods.IsHead(method)
            ? page.Get
            : HttpMethods.IsPost(method) ? page.Post : null;
        if (answer is null)
        {
            context.Response.Headers[HeaderNames.Allow] = page.Post is null ? "GET, HEAD" : "GET, HEAD, POST";
            await TextAsync(context, StatusCodes.Status405MethodNotAllowed, "This page does not take that method.\n");
            return;
        }

        await answer(context);
    }

    /// <summary>Answers with a few lines.</summary>
    protected static Task TextAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(text, context.RequestAborted);
    }

    /// <summary>Adds a page.</summary>
    protected void Add(string path, Page page) => _pages.Add(path, page);

    /// <summary>Whether requests for this host are answered. By default all are.</summary>
    protected virtual bool IsHostAllowed(string host) => true;

    /// <summary>The list of pages.</summary>
    protected string Index() => string.Concat(_pages.Select(entry =>
        $"{entry.Key,-20} {entry.Value.Title}{(entry.Value.Post is null ? "" : " (GET, POST)")}\n"));

    /// <summary>
    /// Whether a Host header names an address. A page on loopback that answers to any name can be read by a web site whose name was made
    /// to resolve to loopback.
    /// </summary>
    protected static bool IsAddress(string host) => host.Length == 0 || host == "localhost" || IPAddress.TryParse(host, out _);
}
