using System.Net;
using System.Net.Sockets;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using FedActors.Actors.Configuration;
using FedActors.Actors.Hosting;
using FedActors.Actors.Operations.Palette;
using FedActors.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace FedActors.Management;

/// <summary>
/// The operator palette over HTTP, at a hub: a command is <c>/fed/GROUP/NAME</c>, looked at with GET, changed with
/// POST; an answer is JSON, and of commands that follow something server-sent events. Nobody logs in, so it listens on
/// loopback only, and takes nothing that a page in a browser could have sent.
/// </summary>
public sealed class ManagementEndpoint : IAsyncDisposable
{
    private const long LongestBody = 4 << 20;

    private static readonly JsonSerializerOptions Json =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly WebApplication _web;

    private ManagementEndpoint(WebApplication web, int port) => (_web, Port) = (web, port);

    public int Port { get; }

    /// <summary>Starts it at a hub that has one; null at a hospital, or where it is off.</summary>
    /// <exception cref="FaultException">It cannot listen.</exception>
    public static async Task<ManagementEndpoint?> StartAsync(Node node, NodePlan plan)
    {
        if (plan.Hub?.Management is not { } management || node.Operators is not { Palette: var hub })
            return null;
        var port = management.Port ?? (plan.Hub.Door?.Port ?? node.Kit.Manifest.Hub.Port) + 1;
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = LongestBody;
            kestrel.Listen(management.Listen, port, options => options.Protocols = HttpProtocols.Http1);
        });
        var web = builder.Build();
        web.Run(context => AnswerAsync(context, hub));
        try
        {
            await web.StartAsync();
            return new ManagementEndpoint(web, port);
        }
        catch (IOException e) when (e.GetBaseException() is SocketException or IOException)
        {
            await web.DisposeAsync();
            throw new FaultException(ExitCode.Failed, new Fault(FaultNumber.PortInUse,
                $"The management endpoint cannot listen: {e.GetBaseException().Message.TrimEnd('.')}.",
                    $"{management.Listen}:{port}",
                "Stop what holds the port, or give node.hub.management.port another one."));
        }
    }

    public async ValueTask DisposeAsync()
    {
        // Who follows a round would follow it for ever.
        using var atOnce = new CancellationTokenSource();
        await atOnce.CancelAsync();
        await _web.StopAsync(atOnce.Token);
        await _web.DisposeAsync();
    }

    private static async Task AnswerAsync(HttpContext context, OperatorHub hub)
    {
        try
        {
            // A page of a browser that was led here by a name of its own, or by a form, is not an operator.
            if (!IsLoopback(context.Request.Host.Host) || context.Request.Headers.ContainsKey("Origin"))
                throw NotUnderstood("This endpoint answers to programs of this machine only.", "Call it by 127.0.0.1.");
            var command = CommandOf(context.Request);
            var request = new OperatorRequest(hub, await ValuesOf(command, context.Request));
            if (command.IsStream)
                await FollowAsync(context, command, request);
            else
                await foreach (var reply in command.Run(request, context.RequestAborted))
                    await WriteAsync(context, StatusCodes.Status200OK, Document(reply));
        }
        catch (FaultException refused)
        {
            await WriteAsync(context, StatusOf(refused.ExitCode), Document(refused));
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody waits for the answer any more.
        }
    }

    private static OperatorCommand CommandOf(HttpRequest request)
    {
        var words = request.Path.Value!.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (words is not ["fed", var group, var name] || OperatorPalette.Find(group, name) is not { } command)
            throw NotUnderstood($"There is no '{request.Path}'.",
                "A command is /fed/GROUP/NAME: 'fedactors --help' lists them.");
        return request.Method == (command.IsChange ? HttpMethods.Post : HttpMethods.Get)
            ? command
            : throw NotUnderstood($"'{request.Path}' is not for {request.Method}.", command.IsChange ? "POST it."
                : "GET it.");
    }

    private static async Task<Dictionary<string, string>> ValuesOf(OperatorCommand command, HttpRequest request)
    {
        var values = command.IsChange
            ? await BodyOf(request)
            : request.Query.ToDictionary(pair => pair.Key, pair => pair.Value.ToString());
        var known = command.Arguments.SelectMany(argument => argument.Kind == ArgumentKind.File
            ? new[] { argument.Name, OperatorRequest.PathOf(argument.Name) }
            : [argument.Name]).ToArray();
        foreach (var name in values.Keys.Except(known))
            throw NotUnderstood($"'{request.Path}' has no '{name}'.", known.Length == 0 ? "It takes nothing."
                : $"It has: {string.Join(", ", known)}.");
        foreach (var argument in command.Arguments.Where(argument => argument.IsRequired
            && !values.ContainsKey(argument.Name)))
            throw NotUnderstood($"'{request.Path}' needs '{argument.Name}'.", argument.Description);
        return values;
    }

    private static async Task<Dictionary<string, string>> BodyOf(HttpRequest request)
    {
        try
        {
            return await request.ReadFromJsonAsync<Dictionary<string, string>>() ?? [];
        }
        catch (Exception e) when (
            e is JsonException or InvalidOperationException or Microsoft.AspNetCore.Http.BadHttpRequestException)
        {
            throw NotUnderstood("The body is no JSON object of texts.", "Send application/json, at most 4 MiB.");
        }
    }

    private static async Task FollowAsync(HttpContext context, OperatorCommand command, OperatorRequest request)
    {
        var began = false;
        try
        {
            await foreach (var reply in command.Run(request, context.RequestAborted))
            {
                if (!began)
                    context.Response.ContentType = "text/event-stream";
                began = true;
                await SendAsync(context, $"data: {Document(reply).ToJsonString(Json)}\n\n");
            }
            await SendAsync(context, "event: end\ndata: {}\n\n");
        }
        catch (FaultException refused) when (began)
        {
            await SendAsync(context, $"event: fault\ndata: {Document(refused).ToJsonString(Json)}\n\n");
        }
    }

    private static async Task SendAsync(HttpContext context, string text)
    {
        await context.Response.WriteAsync(text, context.RequestAborted);
        await context.Response.Body.FlushAsync(context.RequestAborted);
    }

    private static Task WriteAsync(HttpContext context, int status, JsonObject document)
    {
        (context.Response.StatusCode, context.Response.ContentType) = (status, "application/json; charset=utf-8");
        return context.Response.WriteAsync(document.ToJsonString(Json), context.RequestAborted);
    }

    private static JsonObject Document(OperatorReply reply) =>
        new() { ["document"] = reply.Document.DeepClone(), ["text"] = reply.Text };

    private static JsonObject Document(FaultException refused) => new()
    {
        ["error"] = new JsonObject
        {
            ["faults"] = new JsonArray([.. refused.Faults.Select(fault => new JsonObject
            {
                ["code"] = fault.Code, ["what"] = fault.What, ["where"] = fault.Where, ["fix"] = fault.Fix,
            })]),
            ["exitCode"] = (int)refused.ExitCode,
        },
    };

    private static int StatusOf(ExitCode exitCode) => exitCode switch
    {
        ExitCode.BadInput => StatusCodes.Status400BadRequest,
        ExitCode.NotReady => StatusCodes.Status503ServiceUnavailable,
        _ => StatusCodes.Status409Conflict,
    };

    private static bool IsLoopback(string host) =>
        host == "localhost" || IPAddress.TryParse(host.Trim('[', ']'), out var address)
            && IPAddress.IsLoopback(address);

    private static FaultException NotUnderstood(string what, string fix) =>
        new(new Fault(FaultNumber.CommandNotUnderstood, what, "", fix));
}
