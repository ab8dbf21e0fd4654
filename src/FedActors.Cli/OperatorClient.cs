using System.Net.Http.Json;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using FedActors.Actors.Operations.Palette;
using FedActors.Core;

namespace FedActors.Cli;

/// <summary>The operator palette through a hub's management endpoint.</summary>
internal static class OperatorClient
{
    /// <summary>Runs a command at a node, and gives its answers as they come.</summary>
    /// <exception cref="FaultException">The node cannot be reached, or refused.</exception>
    public static async IAsyncEnumerable<OperatorReply> RunAsync(
        OperatorCommand command, Uri node, IReadOnlyDictionary<string, string> values,
            [EnumeratorCancellation] CancellationToken cancel)
    {
        // The machine's own door is never behind a proxy.
        using var http = new HttpClient(
            new SocketsHttpHandler { UseProxy = false })
        { Timeout = Timeout.InfiniteTimeSpan };
        using var request = RequestOf(command, node, values);
        using var response = await ReachAsync(node,
            () => http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel));
        await using var stream = await ReachAsync(node, () => response.Content.ReadAsStreamAsync(cancel));
        if (response.Content.Headers.ContentType?.MediaType != "text/event-stream")
        {
            yield return ReplyOf(node, await ReachAsync(node, () => new StreamReader(stream).ReadToEndAsync(cancel)));
            yield break;
        }
        using var lines = new StreamReader(stream);
        var isEnd = false;
        while (!isEnd)
        {
            var line = await ReachAsync(node, async () => await lines.ReadLineAsync(cancel)) ?? throw Unreachable(node,
                "it cut the line");
            isEnd = line == "event: end";
            if (!isEnd && line.StartsWith("data: ", StringComparison.Ordinal))
                yield return ReplyOf(node, line["data: ".Length..]);
        }
    }

    private static HttpRequestMessage RequestOf(OperatorCommand command, Uri node, IReadOnlyDictionary<string,
        string> values)
    {
        var path = $"fed/{command.Group}/{command.Name}";
        return command.IsChange
            ? new HttpRequestMessage(HttpMethod.Post, new Uri(node, path)) { Content = JsonContent.Create(values) }
            : new HttpRequestMessage(HttpMethod.Get,
                new Uri(node, path + (values.Count == 0 ? "" : "?") + string.Join('&',
                values.Select(pair => $"{Uri.EscapeDataString(pair.Key)}={Uri.EscapeDataString(pair.Value)}"))));
    }

    private static OperatorReply ReplyOf(Uri node, string text)
    {
        try
        {
            var answer = JsonNode.Parse(text)!.AsObject();
            if (answer["error"] is JsonObject error)
                throw new FaultException((ExitCode)error["exitCode"]!.GetValue<int>(),
                    error["faults"]!.AsArray().Select(fault => new Fault(
                    (FaultNumber)int.Parse(Text(fault, "code")["FA-".Length..],
                        System.Globalization.CultureInfo.InvariantCulture),
                    Text(fault, "what"), Text(fault, "where"), Text(fault, "fix"))));
            return new OperatorReply(answer["document"]!, answer["text"]!.GetValue<string>());
        }
        catch (Exception e) when (
            e is JsonException or InvalidOperationException or NullReferenceException or FormatException)
        {
            throw Unreachable(node, "what answers there is no management endpoint");
        }
    }

    private static string Text(JsonNode? fault, string name) => fault![name]!.GetValue<string>();

    private static async Task<T> ReachAsync<T>(Uri node, Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw Unreachable(node, e.GetBaseException().Message.TrimEnd('.'));
        }
    }

    private static FaultException Unreachable(Uri node, string reason) => new(ExitCode.CannotConnect, new Fault(
        FaultNumber.EndpointUnreachable, $"The hub's management endpoint cannot be reached: {reason}.", node.Authority,
        "Run this on the hub's machine, or through 'ssh -L 7072:127.0.0.1:7072 HUB'; --node names the "
            + "endpoint, its log "
            + "says the port."));
}
