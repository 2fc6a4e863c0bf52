// SPDX-License-Identifier: Apache-2.0

using System;
using System.IO;
using System.Net;
using System.Text;

class Server
{
    static void Main()
    {
        var port = Environment.GetEnvironmentVariable("PORT") ?? "8080";
        var listener = new HttpListener();
        listener.Prefixes.Add("http://*:" + port + "/");
        listener.Start();
        for (;;)
        {
            Answer(listener.GetContext());
        }
    }

    static void Answer(HttpListenerContext context)
    {
        var request = context.Request;
        var text = request.HttpMethod + " " + request.RawUrl + "\n";
        switch (request.Url.AbsolutePath)
        {
            case "/echo":
                text = new StreamReader(request.InputStream).ReadToEnd();
                break;
            case "/none":
                context.Response.StatusCode = 404;
                text = "nothing here\n";
                break;
        }
        var body = Encoding.UTF8.GetBytes(text);
        context.Response.ContentLength64 = body.Length;
        context.Response.OutputStream.Write(body, 0, body.Length);
        context.Response.Close();
    }
}
